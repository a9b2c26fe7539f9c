import Foundation

extension String {
    /// Without the path of `directory`, as it is given and as it is behind links: of a file in it the rest is left. Tenants are not told where
    /// on a node their files are.
    public func hidingDirectory(_ directory: String) -> String {
        guard utf8.contains(UInt8(ascii: "/")) else { return self }
        let behindLinks = URL(filePath: directory).resolvingSymlinksInPath().path
        return [directory, behindLinks].reduce(self) { text, path in
            path.count > 1 ? text.replacing(bytesOf: path + "/", with: "").replacing(bytesOf: path, with: "the data directory") : text
        }
    }
}

extension BerthError {
    public func hidingDirectory(_ directory: String) -> BerthError {
        BerthError(code, message.hidingDirectory(directory), retryAfter: retryAfter)
    }
}

extension SQLError {
    public func hidingDirectory(_ directory: String) -> SQLError {
        SQLError(code: code, message: message.hidingDirectory(directory))
    }
}
