import FleetModel
import FleetStore
import Foundation
import Leases
import Logging
import Migrations

/// What a process needs to know of its fleet before it takes part in it.
struct FleetMembership: Sendable {
    let settings: FleetSettings
    /// Whether Postgres waits for a standby before it confirms a commit, as it was when this process started.
    let hasSynchronousStandby: Bool

    /// The times of the sessions this process opens.
    var timing: LeaseTiming { LeaseTiming(ttl: settings.leaseTTL) }

    /// Whether settings of this process's own are compared with the fleet's.
    enum Comparison {
        /// By the process a person started: it is told what to do.
        case refusesOthers
        /// A worker, which its supervisor starts again after a crash, whenever that is: the fleet's settings may have been changed
        /// since the supervisor compared its own, and a node that stays away for that would be worse.
        case takesFleets
    }

    /// Reads the settings of the fleet, once the schema is known to be one this program can work on.
    ///
    /// - Throws: `fleet_setting_differs` when this process was told otherwise; `program_too_old`, `schema_mismatch`,
    ///   `store_not_durable`, `store_unavailable`.
    static func read(
        _ own: RoleSettings, role: String, program: ProgramVersion, comparison: Comparison, logger: Logger
    ) async throws(BerthError) -> FleetMembership {
        // Whatever is wrong with it is said before anything is reached.
        _ = try own.ownLeaseTTL()
        let url = try PostgresURL(try own.required("postgres"))
        let connection = PostgresConnection(url: url, applicationName: role, logger: logger)
        do {
            try await MigrationRunner(Migration.all).check(connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        let pool = PostgresPool(url: url, size: 1, applicationName: role, logger: logger)
        let settings: FleetSettings, standby: StandbyStatus
        do {
            settings = try await FleetCatalogue(pool: pool).fleetSettings()
            standby = try await FleetCatalogue(pool: pool).standby()
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
        if comparison == .refusesOthers {
            try compare(own, with: settings)
            if standby == .none {
                logger.warning(
                    "Postgres has no synchronous standby: leases are as safe as its one disk. Set synchronous_standby_names, or berth.without_standby = on where something else replicates it"
                )
            }
        }
        guard settings.writeFormat <= program.format else {
            throw BerthError(
                .programTooOld,
                "This program (\(program.name)) reads formats up to \(program.format), and the fleet writes format "
                    + "\(settings.writeFormat). Start the newer program.")
        }
        return FleetMembership(settings: settings, hasSynchronousStandby: standby == .synchronous)
    }

    /// For a scrape.
    var gauges: [(name: String, value: Double)] { [("berth_store_synchronous_standby", hasSynchronousStandby ? 1 : 0)] }

    static func compare(_ own: RoleSettings, with fleet: FleetSettings) throws(BerthError) {
        guard let ttl = try own.ownLeaseTTL(), ttl != fleet.leaseTTL else { return }
        throw BerthError(
            .fleetSettingDiffers,
            "This process was given “lease-ttl-ms” \(ttl.milliseconds), and the fleet has \(fleet.leaseTTL.milliseconds). It is a setting "
                + "of the fleet: leave it out here, or change it for all with `berth fleet set --lease-ttl-ms \(ttl.milliseconds)`.")
    }
}

extension ProgramVersion {
    /// That of this process. `BERTH_TEST_PROGRAM` lets a test of upgrades take the same program for another version of it: name,
    /// protocol and format, as in `0.2.0 2 2`.
    static var ofThisProcess: ProgramVersion {
        let words = (ProcessInfo.processInfo.environment["BERTH_TEST_PROGRAM"] ?? "").split(separator: " ")
        guard words.count == 3, let number = Int(words[1]), let format = Int(words[2]), format >= 1 else { return .ofTheseSources }
        return ProgramVersion(name: String(words[0]), protocol: number, format: format)
    }
}
