import Chaos
import Engines
import FleetModel
import FleetStore
import Foundation
import LocalFleet
import Logging
import ObjectStores
import Replication

/// Holds what nodes kept of each database against what the bucket gives, page by page, once all nodes have stopped.
///
/// A copy that was closed in order carries a mark: its files are exactly a published position. The same position is restored from
/// the bucket alone, with the fleet's own code, into an empty folder. Both engines' files are the same byte by byte then: SQLite's after
/// its closing checkpoint, and DuckDB's main file and log together, because both are captured as pages of files, free ones included.
struct CopyComparison: Sendable {
    let fleet: ChaosFleet
    let recorder: Recorder

    private static let logger = Logger(label: "comparison") { _ in SwiftLogNoOpLogHandler() }
    /// What a database's files are called beside each other; a log of SQLite's, closed in order, is not there.
    private static let files = ["db", "db-wal", "db.wal"]

    /// - Throws: when the fleet's Postgres does not answer.
    func run() async throws {
        let store = try FleetStoreReader(fleet)
        let heads = try await store.heads()
        await store.close()
        let url = try PostgresURL(fleet.postgres.conninfo())
        let pool = PostgresPool(url: url, size: 1, applicationName: "berth-chaos", timeout: .seconds(20), logger: Self.logger)
        let objects = try ObjectStores.open(url: fleet.bucket.url(port: fleet.bucket.port), environment: ObjectStoreSite.environment)
        let restorer = Restorer(segments: FleetCatalogue(pool: pool), objects: objects, logger: Self.logger)
        for head in heads { await compare(head, restorer) }
        await pool.close()
        try await objects.shutdown()
    }

    private func compare(_ head: FleetStoreReader.Head, _ restorer: Restorer) async {
        var found = false
        for node in fleet.settings.topology.nodes {
            let copy = LocalCopy(database: head.database, in: fleet.dataDirectory(of: node))
            guard let mark = try? copy.mark(), mark.position != .origin else { continue }
            let difference: String?
            do {
                // One that is not on the published chain would be restored whole before it is used.
                guard try await restorer.position(of: head.database, at: mark.position.seq) == mark.position else { continue }
                difference = try await self.difference(copy, at: mark.position, head.engine, restorer)
            } catch {
                difference = "the bucket does not give it: \(error)"
            }
            found = true
            record(head, node, mark.position, difference)
        }
        // For the checker: there was nothing to compare.
        if !found { recorder.record(.compared(Comparison(database: head.name, node: "-", seq: -1, isHead: false, difference: nil))) }
    }

    private func record(_ head: FleetStoreReader.Head, _ node: String, _ position: ChainPosition, _ difference: String?) {
        recorder.record(
            .compared(
                Comparison(
                    database: head.name, node: node, seq: Int64(clamping: position.seq), isHead: position == head.position,
                    difference: difference)))
    }

    private func difference(
        _ copy: LocalCopy, at position: ChainPosition, _ kind: EngineKind, _ restorer: Restorer
    ) async throws -> String? {
        let root = "\(fleet.settings.directory)/restored"
        let restored = LocalCopy(database: copy.database, in: root)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let engine = try Self.engine(kind)
        _ = try await restorer.bring(restored, to: position, by: engine)
        for name in Self.files {
            let difference = FileDifference.describe(
                name, copy: Self.content("\(copy.directory)/\(name)"), restored: Self.content("\(restored.directory)/\(name)"))
            if let difference { return difference }
        }
        do { try engine.verify(restored.filePath) } catch { return "what the bucket gives is damaged: \(error)" }
        return nil
    }

    private static func engine(_ kind: EngineKind) throws -> any Engine {
        switch kind {
        case .sqlite: SQLiteEngine()
        case .duckdb: DuckDBEngine(library: try DuckDBLibrary.load())
        }
    }

    private static func content(_ path: String) -> [UInt8]? {
        (try? Data(contentsOf: URL(fileURLWithPath: path))).map { Array($0) }
    }
}
