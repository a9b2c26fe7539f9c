import FleetModel

/// The parameters of one statement in Postgres's text form, in one buffer.
struct EncodedParameters {
    /// A value that has no text form Postgres would take.
    struct Unencodable: Error, CustomStringConvertible {
        let description: String
    }

    private var bytes: [UInt8] = []
    /// Where each value starts; `nil` for NULL. Every value ends with a zero byte.
    private var starts: [Int?] = []

    init(_ values: [PostgresValue]) throws(Unencodable) {
        guard values.count <= Int(UInt16.max) else {
            throw Unencodable(description: "\(values.count) parameters are more than a statement can have")
        }
        starts.reserveCapacity(values.count)
        for value in values {
            if case .null = value {
                starts.append(nil)
            } else {
                starts.append(bytes.count)
                try value.appendText(to: &bytes)
                bytes.append(0)
            }
        }
        invariant(starts.count == values.count, "a parameter is left out")
    }

    /// The pointers libpq wants, valid during `body`.
    func withPointers<T>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> T) -> T {
        bytes.withUnsafeBytes { raw in
            let base = raw.bindMemory(to: CChar.self).baseAddress
            let pointers: [UnsafePointer<CChar>?] = starts.map { start in
                guard let start, let base else { return nil }
                return base + start
            }
            return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}

extension PostgresValue {
    fileprivate func appendText(to bytes: inout [UInt8]) throws(EncodedParameters.Unencodable) {
        switch self {
        case .null: break
        case .text(let text):
            try Self.refuseZero(text)
            bytes.append(contentsOf: text.utf8)
        case .int8(let value): bytes.append(contentsOf: String(value).utf8)
        case .double(let value): bytes.append(contentsOf: value.postgresText.utf8)
        case .bool(let value): bytes.append(UInt8(ascii: value ? "t" : "f"))
        case .uuid(let value): HexText.append(value, to: &bytes)
        case .bytea(let value):
            bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "x")])
            HexText.append(value, to: &bytes)
        case .timestamptz(let date):
            guard let text = TimestampText.write(date) else {
                throw .init(description: "\(date) is outside what Postgres can store")
            }
            bytes.append(contentsOf: text.utf8)
        case .elements(let values): try Self.appendArray(values, to: &bytes)
        }
    }

    /// The array literal of the manual's “Array Input and Output Syntax”; every text is quoted, so none is read as NULL.
    private static func appendArray(
        _ values: [PostgresValue], to bytes: inout [UInt8]
    ) throws(EncodedParameters.Unencodable) {
        bytes.append(UInt8(ascii: "{"))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            switch value {
            case .null: bytes.append(contentsOf: "NULL".utf8)
            case .text(let text):
                try refuseZero(text)
                appendQuoted(text.utf8, to: &bytes)
            case .bytea, .timestamptz:
                var element: [UInt8] = []
                try value.appendText(to: &element)
                appendQuoted(element, to: &bytes)
            case .elements: throw .init(description: "an array cannot contain arrays")
            case .int8, .double, .bool, .uuid: try value.appendText(to: &bytes)
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func appendQuoted(_ text: some Sequence<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func refuseZero(_ text: String) throws(EncodedParameters.Unencodable) {
        // Postgres cannot store it, and a C string would silently end there.
        if text.utf8.contains(0) { throw .init(description: "a text parameter contains the character U+0000") }
    }
}

extension Double {
    fileprivate var postgresText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Infinity" : "Infinity" }
        return description
    }
}
