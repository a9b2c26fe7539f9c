import FleetModel
import Foundation

/// The program `berth` that is measured.
enum BerthProgram {
    /// Names it, if it is not beside this one.
    private static let environmentVariable = "BERTH_BINARY"

    /// - Throws: `configuration_invalid` when there is none.
    static func path() throws(BerthError) -> String {
        let beside = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path + "/berth"
        let program = ProcessInfo.processInfo.environment[environmentVariable] ?? beside
        guard access(program, X_OK) == 0 else {
            throw BerthError(
                .configurationInvalid, "There is no program at \(program). Build it with this one, or name it in \(environmentVariable).")
        }
        return program
    }
}
