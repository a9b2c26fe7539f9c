import ArgumentParser
import Foundation
import Glibc

/// The program under test.
enum FleetProgram {
    /// - Parameter given: by an option; otherwise BERTH_BINARY names it, or it is the one beside this.
    /// - Returns: an absolute path.
    static func path(_ given: String?) throws -> String {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/berth"
        let path = URL(fileURLWithPath: given ?? ProcessInfo.processInfo.environment["BERTH_BINARY"] ?? beside).standardizedFileURL.path
        guard access(path, X_OK) == 0 else {
            throw ValidationError("There is no program at \(path). Build it (swift build --product berth), or name it with --berth.")
        }
        return path
    }
}
