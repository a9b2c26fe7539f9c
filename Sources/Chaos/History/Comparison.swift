/// The files a node kept of a database, held against what the bucket gives at the same position.
public struct Comparison: Sendable, Hashable, Codable {
    public var database: String
    public var node: String
    /// Of the chain.
    public var seq: Int64
    /// Whether that is the last published position.
    public var isHead: Bool
    /// For a person; `nil` when both are the same, byte by byte.
    public var difference: String?

    public init(database: String, node: String, seq: Int64, isHead: Bool, difference: String?) {
        self.database = database
        self.node = node
        self.seq = seq
        self.isHead = isHead
        self.difference = difference
    }
}

/// Where two versions of a file differ.
public enum FileDifference {
    /// Bytes; that of both engines' changesets.
    static let page = 4096

    /// - Parameters:
    ///   - copy: content of a node's file; `nil` when there is none.
    ///   - restored: of the one the bucket gives.
    /// - Returns: `nil` when they are the same.
    public static func describe(_ name: String, copy: [UInt8]?, restored: [UInt8]?) -> String? {
        guard copy != restored else { return nil }
        guard let copy else { return "\(name) is in the bucket only" }
        guard let restored else { return "\(name) is on the node only" }
        let pages = (max(copy.count, restored.count) + page - 1) / page
        let different = (0..<pages).filter { slice(copy, $0) != slice(restored, $0) }
        let shown = different.prefix(8).map(String.init).joined(separator: ", ") + (different.count > 8 ? ", …" : "")
        return "\(name): \(different.count) of \(pages) pages differ (\(shown)); \(copy.count) bytes on the node, \(restored.count) in the bucket"
    }

    private static func slice(_ bytes: [UInt8], _ index: Int) -> ArraySlice<UInt8> {
        bytes[min(index * page, bytes.count)..<min((index + 1) * page, bytes.count)]
    }
}
