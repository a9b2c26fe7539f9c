import BerthTestKit
import FleetModel
import Foundation

@testable import Hrana

/// Base64 and percent-encoding against Foundation's; names of databases, tokens and routes.
enum TextFuzz {
    static let targets = [base64("base64", .standard), base64("base64url", .url), percent, naming, bearer]

    private static func base64(_ name: String, _ alphabet: Base64) -> FuzzTarget {
        FuzzTarget(name, seeds: ["", "AA", "AAE=", "AAEC", "//79", "AAEC/w=="].map { Array($0.utf8) }.filter { name == "base64" || !$0.contains(UInt8(ascii: "/")) },
            words: ["=", "==", "+", "/", "-", "_", "A"]
        ) { text in
            let decoded = text.withUnsafeBufferPointer { alphabet.decode($0) }
            let unpadded = Array(text.reversed().drop { $0 == UInt8(ascii: "=") }.reversed())
            let standard = name == "base64" ? unpadded : swapped(unpadded)
            let padded = standard + repeatElement(UInt8(ascii: "="), count: (4 - standard.count % 4) % 4)
            let other = Data(base64Encoded: Data(padded)).map(Array.init)
            guard let decoded else {
                guard let other, unpadded.count == text.count else { return .refused }
                // Foundation ignores bits after the last byte.
                try hold(Array(Data(other).base64EncodedData()) != padded, "Foundation accepts it")
                return .refused
            }
            try hold(decoded == other, "Foundation reads \(String(describing: other)), not \(decoded)")
            let again = Array(alphabet.encode(decoded).utf8)
            try hold(again == unpadded, "what was read, written again, is something else")
            return .accepted
        }
    }

    /// The other alphabet; what belongs to neither stays wrong.
    private static func swapped(_ text: [UInt8]) -> [UInt8] {
        text.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            case UInt8(ascii: "+"), UInt8(ascii: "/"): UInt8(ascii: "!")
            default: byte
            }
        }
    }

    private static let percent = FuzzTarget.text(
        "percent", seeds: ["", "shop", "sh%6Fp", "%C3%A9%F0%9F%9A%80", "a%2Fb"], words: ["%", "%25", "%00", "%ff", "%C3", "é"]
    ) { text in
        let decoded = PercentEncoding.decode(text[...])
        let other = text.removingPercentEncoding
        // Foundation repairs some of what is not UTF-8.
        let isRepaired = decoded == nil && other?.unicodeScalars.contains("\u{FFFD}") == true
        try hold(
            isRepaired || decoded.map { Array($0.utf8) } == other.map { Array($0.utf8) },
            "Foundation reads \(String(describing: other))")
        return decoded == nil ? .refused : .accepted
    }

    /// Three lines: header, path, host. An empty line is a header that is not there.
    private static let naming = FuzzTarget.text(
        "database-name",
        seeds: [
            "\n/db/shop/v2/pipeline\n127.0.0.1:8080", "\n/v2\nshop.berth.example:80", "shop\n/db/x/v3/cursor?x\nh", "\n/db/sh%6Fp\n[::1]:80",
            "\n/\nshop.localhost",
        ], words: ["/db/", "%", "..", "127.0.0.1", "[::1]", "localhost", ":80", "\n", "0x7f", "\u{301}", "?"]
    ) { text in
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 3 else { return .refused }
        let naming = DatabaseNaming()
        let resolved: (name: DatabaseName, remainingPath: Substring)?
        do throws(BerthError) {
            resolved = try naming.resolve(
                namespace: lines[0].isEmpty ? nil : lines[0], path: lines[1], host: lines[2].isEmpty ? nil : lines[2])
        } catch {
            try hold(error.code == .invalidDatabaseName, "refused as \(error.code)")
            return .refused
        }
        guard let resolved else { return .accepted }
        let namedByHost = lines[0].isEmpty && !lines[1].utf8.starts(with: "/db/".utf8)
        try hold(!namedByHost || !isAddress(lines[2]), "\(lines[2]) is an address and names \(resolved.name)")
        try hold(!resolved.remainingPath.isEmpty && !resolved.remainingPath.contains("?"), "“\(resolved.remainingPath)” is left")
        // What goes on to another node names the same database there, and asks it for the same.
        let forwarded = "/db/\(resolved.name)\(resolved.remainingPath)"
        if resolved.remainingPath.utf8.first == UInt8(ascii: "/") {
            let again = try naming.resolve(namespace: nil, path: forwarded, host: nil)
            try hold(again?.name == resolved.name && again?.remainingPath == resolved.remainingPath, "forwarded it is another")
        }
        return .accepted
    }

    /// As the C library reads addresses, in all their notations.
    private static func isAddress(_ host: String) -> Bool {
        var v4 = in_addr(), v6 = in6_addr()
        let bare = host.hasPrefix("[") ? String(host.dropFirst().prefix { $0 != "]" }) : host
        let name = host.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
        return inet_pton(AF_INET6, bare, &v6) == 1 || inet_aton(name, &v4) == 1
    }

    private static let bearer = FuzzTarget.text(
        "bearer", seeds: ["Bearer a.b.c", "bearer  x ", "Bearer", "Bearer None", ""], words: ["Bearer ", "None", " ", "\t", "Basic "]
    ) { text in
        let token: String?
        do throws(BerthError) { token = try BearerToken.parse(authorization: text) } catch {
            try hold(error.code == .tokenInvalid, "refused as \(error.code)")
            return .refused
        }
        if let token {
            try hold(!token.isEmpty && !token.contains { $0 == " " || $0 == "\t" }, "the token “\(token)”")
            try hold(text.hasSuffix(token) || text.contains(token + " ") || text.contains(token + "\t"), "“\(token)” is not in it")
        }
        return .accepted
    }
}
