/// Why a text is not the JSON that was expected, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    public var reason: Reason
    /// Bytes before the place that does not fit, counted from the start of the text.
    public var offset: Int

    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public enum Reason: Hashable, Sendable {
        case unexpectedEnd
        /// A byte that no JSON text has here.
        case unexpectedByte(UInt8)
        case invalidUTF8
        case invalidEscape
        /// `\uD800`–`\uDFFF` that is not half of a pair.
        case loneSurrogate
        /// A byte below 0x20 inside a string.
        case controlCharacter(UInt8)
        case invalidNumber
        /// A number with a fraction or an exponent, or one outside the range of the field.
        case notAnInteger
        case tooDeep(limit: Int)
        case trailingBytes
        case unexpectedKind(JSONKind, expected: JSONKind)
        case missingMember(String)
        /// A member that has a meaning here is given twice: which of the two is meant?
        case duplicateMember(String)
        /// A member that names nothing here.
        case unknownMember(String)
        /// The `type` of an object is none of those known at this place.
        case unknownType(String)
        /// The condition of a batch's step names one that does not come before it.
        case stepNotBefore(Int, step: Int)
        /// A stream is closed before the last request for it.
        case closeNotLast
    }

    public var description: String { "\(reason) at byte \(offset)" }
}

/// What a JSON value is, told from its first byte.
public enum JSONKind: String, Hashable, Sendable {
    case object
    case array
    case string
    case number
    case boolean
    case null
}

extension JSONError.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unexpectedEnd: "unexpected end"
        case .unexpectedByte(let byte):
            byte > 0x20 && byte < 0x7F
                ? "unexpected “\(Character(Unicode.Scalar(byte)))”" : "unexpected byte 0x\(String(byte, radix: 16))"
        case .invalidUTF8: "invalid UTF-8"
        case .invalidEscape: "invalid escape sequence"
        case .loneSurrogate: "surrogate without its other half"
        case .controlCharacter(let byte): "unescaped control character 0x\(String(byte, radix: 16))"
        case .invalidNumber: "malformed number"
        case .notAnInteger: "number that is not an integer in range"
        case .tooDeep(let limit): "more than \(limit) nested arrays and objects"
        case .trailingBytes: "text after the end of the value"
        case .unexpectedKind(let kind, let expected): "expected \(expected.rawValue), found \(kind.rawValue)"
        case .missingMember(let name): "missing “\(name)”"
        case .duplicateMember(let name): "second “\(name)” in one object"
        case .unknownMember(let name): "“\(name.prefix(80))”, which names nothing here"
        case .unknownType(let name): "unknown type “\(name.prefix(80))”"
        case .stepNotBefore(let other, let step): "the condition of step \(step) names step \(other), which does not come before it,"
        case .closeNotLast: "“close” is not the last request,"
        }
    }
}
