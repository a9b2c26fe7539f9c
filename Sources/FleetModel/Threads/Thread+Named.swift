import Dispatch
public import Foundation

extension Thread {
    /// Starts a thread that `top` shows under a name.
    ///
    /// - Parameters:
    ///   - name: Linux keeps 15 bytes.
    ///   - stackBytes: only touched pages are ever resident; `nil` for the system's usual size.
    public static func start(named name: String, stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void) {
        let isStarted = DispatchSemaphore(value: 0)
        let thread = Thread {
            // Foundation on Linux can name a thread only from inside, and only after `start()` has returned.
            isStarted.wait()
            Thread.current.name = name
            body()
        }
        if let stackBytes { thread.stackSize = stackBytes }
        thread.start()
        isStarted.signal()
    }
}
