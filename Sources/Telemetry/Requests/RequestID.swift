/// Names one request in logs, error answers and the requests it causes elsewhere.
public struct RequestID: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// A new one: 16 hexadecimal digits at random.
    public static func random() -> RequestID {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// A new one from a given source of randomness.
    public static func random(using generator: inout some RandomNumberGenerator) -> RequestID {
        let hex = String(UInt64.random(in: 0...UInt64.max, using: &generator), radix: 16)
        return RequestID(unchecked: String(repeating: "0", count: 16 - hex.count) + hex)
    }

    /// One that came from outside, such as an `X-Request-ID` header.
    ///
    /// `nil` unless it is 1 to 64 characters of `A–Z a–z 0–9 . _ -`: it is written to logs as it is.
    public init?(_ text: some StringProtocol) {
        let isFit = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isFit, (1...64).contains(text.utf8.count) else { return nil }
        description = String(text)
    }

    private init(unchecked text: String) { description = text }
}
