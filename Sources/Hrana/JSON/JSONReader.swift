/// Reads one JSON text (RFC 8259) value by value, without building a tree.
///
/// Strict: UTF-8 is checked everywhere, also in what is skipped; surrogates come in pairs; nothing follows the value.
/// An object is read with ``beginObject()`` and then ``nextKey()`` until `nil`, an array with ``beginArray()`` and then
/// ``nextElement()`` until `false`; after each key or element exactly one value is read or skipped. Reading something
/// else than what is there throws, and never traps, whatever the bytes are.
public struct JSONReader: Sendable {
    /// Nested arrays and objects that are accepted when the caller names no other limit.
    public static let defaultMaximumDepth = 64
    /// No limit is higher than this one: skipping a value uses stack for each level.
    public static let greatestMaximumDepth = 512

    let bytes: [UInt8]
    /// Bytes read so far; after leading white space, the offset of the value to be read next.
    public internal(set) var offset = 0
    /// The text of the last statement, and where it stands: the next one's is most often the same, and then shares its memory.
    var latestSQL: (text: String, source: Range<Int>)?
    /// How many positional arguments were read last: the next statement is likely to have as many.
    var latestArgumentCount = 0
    private let maximumDepth: Int
    private var depth = 0
    private var isAtFirst = false

    /// - Parameter maximumDepth: Nested arrays and objects that are accepted, at most ``greatestMaximumDepth``.
    public init(_ bytes: [UInt8], maximumDepth: Int = JSONReader.defaultMaximumDepth) {
        self.bytes = bytes
        self.maximumDepth = min(maximumDepth, Self.greatestMaximumDepth)
    }

    /// The kind of the value that comes next, which is not read.
    public mutating func peekKind() throws(JSONError) -> JSONKind {
        let byte = try peekByte()
        switch byte {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        default: throw JSONError(.unexpectedByte(byte), at: offset)
        }
    }

    /// Reads `{`.
    public mutating func beginObject() throws(JSONError) {
        try begin(.object)
    }

    /// Reads the next key and its `:`, or `}`, for which it answers `nil`.
    public mutating func nextKey() throws(JSONError) -> String? {
        try advanceToKey() ? try readKey() : nil
    }

    /// Goes to the next key, or reads `}`, for which it answers `false`.
    mutating func advanceToKey() throws(JSONError) -> Bool { try advance(closing: UInt8(ascii: "}")) }

    mutating func readKey() throws(JSONError) -> String {
        let key = try readString()
        try readColon()
        return key
    }

    /// Reads a key known to be plain, whose closing quote is at `end`, and its `:`.
    mutating func finishKey(at end: Int) throws(JSONError) {
        offset = end + 1
        try readColon()
    }

    private mutating func readColon() throws(JSONError) {
        let byte = try peekByte()
        guard byte == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte(byte), at: offset) }
        offset += 1
        _ = try peekByte()
    }

    /// Reads `[`.
    public mutating func beginArray() throws(JSONError) {
        try begin(.array)
    }

    /// Goes to the next element, or reads `]`, for which it answers `false`.
    public mutating func nextElement() throws(JSONError) -> Bool {
        try advance(closing: UInt8(ascii: "]"))
    }

    public mutating func readBool() throws(JSONError) -> Bool {
        try expect(.boolean)
        if bytes[offset] == UInt8(ascii: "t") {
            try readWord("true")
            return true
        }
        try readWord("false")
        return false
    }

    /// Reads `null` when it comes next and says whether it did.
    public mutating func readNull() throws(JSONError) -> Bool {
        guard try peekByte() == UInt8(ascii: "n") else { return false }
        try readWord("null")
        return true
    }

    /// Reads one value of any kind and forgets it. It is checked as strictly as one that is kept.
    public mutating func skipValue() throws(JSONError) {
        switch try peekKind() {
        case .object:
            try beginObject()
            while try advance(closing: UInt8(ascii: "}")) {
                try skipString()
                let byte = try peekByte()
                guard byte == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte(byte), at: offset) }
                offset += 1
                try skipValue()
            }
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        case .string: try skipString()
        case .number: _ = try readNumberLexeme()
        case .boolean: _ = try readBool()
        case .null: try readWord("null")
        }
    }

    /// Reads the white space after the only value of the text.
    ///
    /// - Throws: ``JSONError`` when something else follows.
    public mutating func finish() throws(JSONError) {
        skipWhitespace()
        guard offset == bytes.count else { throw JSONError(.trailingBytes, at: offset) }
    }

    /// Reads the value at an offset seen before and comes back to where the reader is now.
    ///
    /// For members whose meaning depends on a member that may come after them.
    mutating func revisit<Value>(
        _ earlier: Int, _ read: (inout JSONReader) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        let present = offset
        offset = earlier
        let value = try read(&self)
        offset = present
        return value
    }

    /// Whether so many arrays or objects may begin inside each other.
    func mayNest(_ levels: Int = 1) -> Bool { maximumDepth - depth >= levels }

    /// Goes on inside an object whose first members were read some other way, up to `place`.
    mutating func enterObject(at place: Int) {
        offset = place
        depth += 1
        isAtFirst = false
    }

    // MARK: Tokens

    func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason, at: offset) }

    /// The first byte of the next token.
    mutating func peekByte() throws(JSONError) -> UInt8 {
        skipWhitespace()
        guard offset < bytes.count else { throw error(.unexpectedEnd) }
        return bytes[offset]
    }

    mutating func expect(_ expected: JSONKind) throws(JSONError) {
        let kind = try peekKind()
        guard kind == expected else { throw error(.unexpectedKind(kind, expected: expected)) }
    }

    private mutating func skipWhitespace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func begin(_ kind: JSONKind) throws(JSONError) {
        try expect(kind)
        guard mayNest() else { throw error(.tooDeep(limit: maximumDepth)) }
        depth += 1
        offset += 1
        isAtFirst = true
    }

    /// Reads what stands before a key or an element; `false` after the end of the object or array.
    private mutating func advance(closing: UInt8) throws(JSONError) -> Bool {
        let byte = try peekByte()
        let isFirst = isAtFirst
        isAtFirst = false
        if byte == closing {
            offset += 1
            depth -= 1
            return false
        }
        if isFirst { return true }
        guard byte == UInt8(ascii: ",") else { throw error(.unexpectedByte(byte)) }
        offset += 1
        // The next token must be a key or a value, so a trailing comma is an error there.
        _ = try peekByte()
        return true
    }

    private mutating func readWord(_ word: StaticString) throws(JSONError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard offset < bytes.count else { throw error(.unexpectedEnd) }
            guard bytes[offset] == word.utf8Start[index] else { throw error(.unexpectedByte(bytes[offset])) }
            offset += 1
        }
    }
}
