import Glibc

/// A system call that failed.
struct PosixFailure: Error {
    let operation: String
    let path: String
    let code: Int32

    /// Reads `errno`: to be made right after the call.
    init(_ operation: String, _ path: String) {
        self.operation = operation
        self.path = path
        self.code = errno
    }

    /// No file, or a file where a folder would be: nothing has this name.
    var isAbsence: Bool { code == ENOENT || code == ENOTDIR }

    var storeError: ObjectStoreError {
        let text = "\(operation) \(path): \(String(cString: strerror(code)))"
        return switch code {
        case EACCES, EPERM, EROFS: .denied(reason: text)
        case EISDIR, ENOTDIR, ENOTEMPTY, ENAMETOOLONG, EOPNOTSUPP, EXDEV, EMLINK: .invalid(reason: text)
        default: .unavailable(reason: text, retryable: true)
        }
    }
}
