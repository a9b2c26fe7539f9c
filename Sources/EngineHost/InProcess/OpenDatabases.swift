import FleetModel
import Synchronization

/// The databases that are open in this process.
final class OpenDatabases: Sendable {
    private let databases = Mutex<[ObjectIdentifier: OpenDatabase]>([:])

    func insert(_ database: OpenDatabase) {
        databases.withLock { $0[ObjectIdentifier(database)] = database }
    }

    func remove(_ database: OpenDatabase) { databases.withLock { $0[ObjectIdentifier(database)] = nil } }

    var count: Int { databases.withLock { $0.count } }

    /// In the order of their identities.
    var all: [OpenDatabase] { databases.withLock { $0.values.sorted { $0.opening.database < $1.opening.database } } }
}
