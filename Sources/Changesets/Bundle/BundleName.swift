public import FleetModel

/// The name of a bundle object: `bundles/<node>/<session>/<number>`, the number as 16 hexadecimal digits.
///
/// Names of one session sort in the order of their numbers.
public struct BundleName: Sendable, Hashable, CustomStringConvertible {
    public var node: NodeName
    public var session: SessionID
    public var number: UInt64

    /// What the names of all bundles begin with.
    public static let root = "bundles/"

    public init(node: NodeName, session: SessionID, number: UInt64) {
        self.node = node
        self.session = session
        self.number = number
    }

    /// Parses exactly the form `description` writes; `nil` for anything else.
    public init?(_ key: some StringProtocol) {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, let node = try? NodeName(parts[1]), let session = SessionID(parts[2]),
            let number = UInt64(parts[3], radix: 16)
        else { return nil }
        self.init(node: node, session: session, number: number)
        // Refuses upper case, a sign and a number of another width.
        guard description == key else { return nil }
    }

    public var description: String {
        let digits = String(number, radix: 16)
        return Self.prefix(node: node, session: session) + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// What the names of all bundles of one session begin with.
    public static func prefix(node: NodeName, session: SessionID) -> String { "\(root)\(node)/\(session)/" }

    /// The name of the copy that is made of a bundle when it is adopted after the lease store was replaced, beside its
    /// original. Sessions count their bundles from zero and never get this far: the top eight bits count adoptions.
    public var adopted: BundleName {
        BundleName(node: node, session: session, number: number &+ (1 << 56))
    }
}
