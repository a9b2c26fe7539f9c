import Foundation

/// A system call on a file that failed.
public struct FileFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The system call, as in `pwrite`.
    public let operation: String
    public let path: String
    /// The value of `errno`.
    public let errorNumber: Int32

    package init(_ operation: String, _ path: String, errno errorNumber: Int32 = Foundation.errno) {
        self.operation = operation
        self.path = path
        self.errorNumber = errorNumber
    }

    public var description: String { "\(operation) \(path): \(String(cString: strerror(errorNumber)))" }

    /// Somebody took the file away.
    package var isOfMissingFile: Bool { errorNumber == ENOENT || errorNumber == ENOTDIR }

    /// For people: code `disk_unavailable`.
    public var berthError: BerthError {
        BerthError(.diskUnavailable, "\(self). Check the space, the permissions and the health of the disk.")
    }
}
