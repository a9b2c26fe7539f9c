import Foundation

/// Threads for work that blocks on files or computes for long, and belongs to no database's lane.
///
/// Neither event loops nor the threads that Swift's tasks share. Dispatch queues would not do: on Linux they draw on those same threads, so
/// that a few restores which decode would keep every task of the process waiting.
public struct BlockingWork: Sendable {
    private enum Place {
        case pool(EnginePool)
        case enqueue(@Sendable (@escaping @Sendable () -> Void) -> Void)
    }

    private let place: Place

    /// - Parameter enqueue: runs what it is given, once, soon, and not on the calling thread's time.
    public init(enqueue: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) { place = .enqueue(enqueue) }

    /// On the threads of `pool`, each piece of work at its own time.
    public init(on pool: EnginePool) { place = .pool(pool) }

    /// Those of this process: as many as it has processors, and more while work takes long.
    public static let threads = BlockingWork(on: EnginePool(threads: max(2, ProcessInfo.processInfo.activeProcessorCount), name: "work"))

    /// Runs `body` there and returns what it returns. Goes there from where it is called, by way of no other thread.
    nonisolated(nonsending) public func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        switch place {
        case .pool(let pool):
            return try await Worker(lane: pool.makeLane()).run(body)
        case .enqueue(let enqueue):
            let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
                enqueue {
                    do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
            return try result.get()
        }
    }

    /// A lane of its own for one piece of work: it waits for a thread, and for no other piece.
    private actor Worker {
        private let lane: EngineLane
        nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

        init(lane: EngineLane) { self.lane = lane }

        func run<Value: Sendable, Failure: Error>(_ body: @Sendable () throws(Failure) -> Value) throws(Failure) -> Value { try body() }
    }
}
