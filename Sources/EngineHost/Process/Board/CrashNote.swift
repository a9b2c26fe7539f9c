import FleetModel
import Glibc

/// Writes on the board which thread crashed, so that only what it was doing is blamed for it, and not what others did at the time.
enum CrashNote {
    // Safe: both are set once, by the only thread there is, before the first one that may crash; from then on they are only read.
    /// Where it is written.
    private nonisolated(unsafe) static var place: UnsafeMutableRawPointer?
    private nonisolated(unsafe) static var threadKey = pthread_key_t()

    /// Enough for the handler; a thread whose own stack ran over has no other.
    private static let stackBytes = 32 << 10

    static func install(_ board: ExecutionBoard) {
        invariant(place == nil, "one process has one board")
        place = board.crashedThreadPlace
        pthread_key_create(&threadKey) { stack in
            // The thread has ended, and nothing runs on it any more.
            var none = stack_t(ss_sp: nil, ss_flags: Int32(SS_DISABLE), ss_size: 0)
            sigaltstack(&none, nil)
            free(stack)
        }
        for signal in [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGTRAP] {
            var action = sigaction()
            // Only what is safe in a handler: a store, and the same signal again, which now ends the process.
            action.__sigaction_handler.sa_handler = { signal in
                CrashNote.place?.storeBytes(of: UInt64(pthread_self()), as: UInt64.self)
                raise(signal)
            }
            action.sa_flags = Int32(truncatingIfNeeded: Int(SA_ONSTACK) | Int(SA_RESETHAND) | Int(SA_NODEFER))
            sigaction(signal, &action, nil)
        }
    }

    /// Gives the calling thread a stack for the handler, if it has none.
    static func prepareThread() {
        guard place != nil, pthread_getspecific(threadKey) == nil, let memory = malloc(stackBytes) else { return }
        pthread_setspecific(threadKey, memory)
        var stack = stack_t(ss_sp: memory, ss_flags: 0, ss_size: stackBytes)
        sigaltstack(&stack, nil)
    }
}
