import Engines
import FleetModel
import Replication

extension Restorer {
    /// These tests are about the chain and the bucket; what they restore is SQLite's.
    func bring(_ copy: LocalCopy, to head: ChainPosition) async throws(BerthError) -> CopyID {
        try await bring(copy, to: head, by: SQLiteEngine())
    }
}
