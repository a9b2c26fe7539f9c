import Dispatch

/// Threads for work that blocks on files or takes long, and belongs to no database's lane: neither event loops nor Swift's own.
public struct BlockingWork: Sendable {
    private let enqueue: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// - Parameter enqueue: runs what it is given, once, soon, and not on the calling thread's time.
    public init(enqueue: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) { self.enqueue = enqueue }

    /// The system's, as many as there is work.
    public static let threads: BlockingWork = {
        let queue = DispatchQueue(label: "berth.blocking", attributes: .concurrent)
        return BlockingWork { work in queue.async(execute: work) }
    }()

    /// Runs `body` there and returns what it returns.
    public func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
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
