import Foundation

/// Takes over Swift concurrency's global executor: every job of every task is handed to one scheduler.
///
/// The runtime has a hook for this, `swift_task_enqueueGlobal_hook` (stdlib/public/Concurrency/GlobalExecutor.cpp in the
/// Swift sources). `Task.sleep` and `Task.yield` do not go through it; the fleet's code uses neither.
enum ConcurrencyHook {
    private typealias Original = @convention(thin) (UnownedJob) -> Void
    private typealias Hook = @convention(thin) (UnownedJob, Original) -> Void

    /// The simulation that runs; there is one at a time in a process.
    nonisolated(unsafe) private static var scheduler: Scheduler?
    /// Where it runs.
    nonisolated(unsafe) private static var thread = pthread_self()

    /// From now on every job goes to `scheduler`.
    static func install(_ scheduler: Scheduler) {
        Self.scheduler = scheduler
        thread = pthread_self()
        guard let symbol = dlsym(dlopen(nil, RTLD_LAZY), "swift_task_enqueueGlobal_hook") else {
            fatalError("This Swift runtime has no hook for its global executor; the simulation cannot run on it.")
        }
        let hook: Hook = { job, _ in
            guard pthread_equal(pthread_self(), ConcurrencyHook.thread) != 0, let scheduler = ConcurrencyHook.scheduler else {
                fatalError("Something runs on a thread of its own; a simulation with it cannot be replayed.")
            }
            // The global executor has no spelling in Swift: it is the null reference (ABI/Executor.h, ExecutorRef::generic).
            scheduler.enqueue { job.runSynchronously(on: unsafeBitCast((0, 0), to: UnownedSerialExecutor.self)) }
        }
        // The hook is a variable that holds a function pointer.
        symbol.assumingMemoryBound(to: UnsafeRawPointer.self).pointee = unsafeBitCast(hook, to: UnsafeRawPointer.self)
    }
}
