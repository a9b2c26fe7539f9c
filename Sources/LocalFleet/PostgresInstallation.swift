import FleetModel
import Foundation

/// A directory with the programs of a Postgres server.
struct PostgresInstallation: Sendable {
    /// Where to look first, before Debian's directories and `PATH`.
    static let environmentVariable = "BERTH_POSTGRES_BIN"
    private static let programs = ["initdb", "postgres", "pg_isready"]

    let directory: String

    func path(of program: String) -> String { "\(directory)/\(program)" }

    /// The installation for a data directory of `majorVersion`, or the newest when there is none yet.
    ///
    /// - Throws: `BerthError` with code `configuration_invalid`, saying what to install.
    static func find(
        majorVersion: Int?, environment: [String: String], debianRoot: String = "/usr/lib/postgresql"
    ) throws(BerthError) -> PostgresInstallation {
        if let directory = environment[environmentVariable], !directory.isEmpty {
            guard isComplete(directory) else {
                throw BerthError(
                    .configurationInvalid,
                    "\(environmentVariable) is \(directory), where \(programs.joined(separator: ", ")) are not all found.")
            }
            return PostgresInstallation(directory: directory)
        }
        let packaged = debianVersions(in: debianRoot)
        if let majorVersion {
            let directory = "\(debianRoot)/\(majorVersion)/bin"
            if isComplete(directory) { return PostgresInstallation(directory: directory) }
            guard packaged.isEmpty else {
                throw BerthError(
                    .configurationInvalid,
                    "The data directory was made by Postgres \(majorVersion), installed is \(packaged[0]). Install that "
                        + "version too (apt-get install postgresql-\(majorVersion)), or start with a new data directory.")
            }
        } else if let newest = packaged.first {
            return PostgresInstallation(directory: "\(debianRoot)/\(newest)/bin")
        }
        for directory in (environment["PATH"] ?? "").split(separator: ":").map(String.init) where isComplete(directory) {
            return PostgresInstallation(directory: directory)
        }
        throw BerthError(
            .configurationInvalid,
            "No Postgres server is installed. Install it (apt-get install postgresql), or set \(environmentVariable) to the "
                + "directory that holds initdb and postgres.")
    }

    /// Complete installations, newest first.
    private static func debianVersions(in root: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return names.compactMap { Int($0) }.filter { isComplete("\(root)/\($0)/bin") }.sorted(by: >)
    }

    private static func isComplete(_ directory: String) -> Bool {
        programs.allSatisfy { FileManager.default.isExecutableFile(atPath: "\(directory)/\($0)") }
    }
}
