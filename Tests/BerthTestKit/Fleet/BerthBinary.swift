import Foundation
import Glibc

/// The programs under test.
public enum BerthBinary {
    public struct NotFound: Error, CustomStringConvertible {
        public let description: String
    }

    /// Names the file, if it is not beside the test bundle.
    public static let environmentVariable = "BERTH_BINARY"

    /// - Throws: `NotFound`, saying how to get it.
    public static func path() throws -> String {
        try existing(ProcessInfo.processInfo.environment[environmentVariable] ?? beside("berth"), product: "berth")
    }

    /// Another program of this package, beside the test bundle.
    ///
    /// - Throws: `NotFound`, saying how to get it.
    public static func path(of product: String) throws -> String { try existing(beside(product), product: product) }

    private static func beside(_ product: String) -> String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/\(product)"
    }

    private static func existing(_ path: String, product: String) throws -> String {
        guard access(path, X_OK) == 0 else {
            throw NotFound(
                description: "There is no program at \(path). Build it: swift build --product \(product)"
                    + (product == "berth" ? ", or name it in \(environmentVariable)." : "."))
        }
        return path
    }
}
