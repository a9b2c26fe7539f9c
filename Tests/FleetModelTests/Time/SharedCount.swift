import Synchronization

/// A number that several tasks change.
final class SharedCount: Sendable {
    private let storage: Atomic<Int>

    init(_ value: Int = 0) { storage = Atomic(value) }

    var value: Int { storage.load(ordering: .acquiring) }
    func add(_ count: Int) { storage.add(count, ordering: .acquiringAndReleasing) }
}
