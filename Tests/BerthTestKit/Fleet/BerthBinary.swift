import Foundation
import Glibc

/// The program under test.
public enum BerthBinary {
    public struct NotFound: Error, CustomStringConvertible {
        public let description: String
    }

    /// Names the file, if it is not beside the test bundle.
    public static let environmentVariable = "BERTH_BINARY"

    /// - Throws: `NotFound`, saying how to get it.
    public static func path() throws -> String {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/berth"
        let path = ProcessInfo.processInfo.environment[environmentVariable] ?? beside
        guard access(path, X_OK) == 0 else {
            throw NotFound(
                description: "There is no program at \(path). Build it (swift build --product berth), or name it in "
                    + "\(environmentVariable).")
        }
        return path
    }
}
