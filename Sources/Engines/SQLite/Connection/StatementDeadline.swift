import CSQLite
import FleetModel

/// Stops a statement when ``ConnectionContext/deadline`` has passed.
enum StatementDeadline {
    /// Some ten microseconds of work; the clock costs well under one per cent of that.
    private static let instructionsBetweenChecks: Int32 = 1_000

    /// - Parameter context: must outlive the connection.
    static func install(on handle: OpaquePointer, context: ConnectionContext) {
        sqlite3_progress_handler(
            handle, instructionsBetweenChecks,
            { pointer in
                guard let pointer else { return 0 }
                let context = Unmanaged<ConnectionContext>.fromOpaque(pointer).takeUnretainedValue()
                guard let deadline = context.deadline, context.clock.instant() >= deadline else { return 0 }
                context.timedOut = true
                return 1
            },
            Unmanaged.passUnretained(context).toOpaque())
    }
}
