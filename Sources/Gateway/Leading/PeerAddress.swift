public import FleetModel
import Foundation

/// Where another process of the fleet is reached: `http://host:port` or `https://host:port`, nothing after it.
public struct PeerAddress: Sendable, Hashable, CustomStringConvertible {
    /// Without a trailing slash.
    public let description: String

    /// - Throws: `invalid_argument` for anything else, and for an address that only means something to the one who
    ///   listens on it, such as `0.0.0.0`.
    public init(_ text: String) throws(BerthError) {
        var text = Substring(text)
        if text.hasSuffix("/") { text.removeLast() }
        let scheme = ["http://", "https://"].first { text.hasPrefix($0) }
        guard let scheme, let (host, port) = Self.split(text.dropFirst(scheme.count)) else {
            throw BerthError(.invalidArgument, "“\(text.prefix(80))” is not an address like http://10.0.0.7:8080.")
        }
        guard !Self.isUnspecified(host), port != 0 else {
            throw BerthError(
                .invalidArgument,
                "“\(text.prefix(80))” is an address to listen on; others need one they can reach, like http://10.0.0.7:8080.")
        }
        description = String(text)
    }

    private static func split(_ authority: Substring) -> (host: Substring, port: UInt16?)? {
        let allowed = authority.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        guard allowed else { return nil }
        let host: Substring
        var rest: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            guard bytesOfIPv6(host) != nil else { return nil }
            rest = authority[authority.index(after: end)...]
        } else {
            let end = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<end]
            rest = authority[end...]
        }
        guard !host.isEmpty, authority.hasPrefix("[") || !host.contains("]") && !host.contains("[") else { return nil }
        if rest.isEmpty { return (host, nil) }
        guard rest.removeFirst() == ":", let port = UInt16(rest) else { return nil }
        return (host, port)
    }

    /// In whichever notation: `0.0.0.0`, `0`, `0x0`, `::`, `::ffff:0.0.0.0`.
    private static func isUnspecified(_ host: Substring) -> Bool {
        if let bytes = bytesOfIPv6(host) {
            return bytes.allSatisfy { $0 == 0 } || bytes == Array(repeating: 0, count: 10) + [0xFF, 0xFF, 0, 0, 0, 0]
        }
        var address = in_addr()
        return inet_aton(String(host), &address) == 1 && address.s_addr == 0
    }

    private static func bytesOfIPv6(_ host: Substring) -> [UInt8]? {
        var address = in6_addr()
        guard inet_pton(AF_INET6, String(host), &address) == 1 else { return nil }
        return withUnsafeBytes(of: address) { Array($0) }
    }
}
