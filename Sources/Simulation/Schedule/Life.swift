import FleetModel

/// One life of one simulated process. Whatever a process does belongs to the life in which it was set going, so that it
/// can stand still or be killed whole, at any point.
final class Life: @unchecked Sendable {
    // `@unchecked Sendable`: confined, like everything here, to the one thread the simulation runs on.

    /// Such as `node-2`.
    let name: String
    /// Counts the lives of the process.
    let number: Int
    var isDead = false
    /// It is about to die: what of it waits inside a job does not wait any longer.
    var isEnding = false
    /// While in the future of the simulation's time, nothing of it runs.
    var standsStillUntil = Duration.zero
    /// Jobs of it that are on the stack, waiting for the end of a standstill that began inside them.
    var jobsOnStack = 0
    /// What to do when it dies: those who talk to it notice.
    var obituary: [Int: () -> Void] = [:]

    init(_ name: String, number: Int = 1) {
        self.name = name
        self.number = number
    }
}
