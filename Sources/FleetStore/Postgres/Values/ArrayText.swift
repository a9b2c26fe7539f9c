/// Reads the text form of one-dimensional arrays: `{1,2}`, `{a,"b \"c\"",NULL}`.
enum ArrayText {
    /// The elements' texts, `nil` for NULL; `nil` for anything but a one-dimensional array starting at index 1.
    static func read(_ text: UnsafeBufferPointer<UInt8>) -> [[UInt8]?]? {
        guard text.first == UInt8(ascii: "{"), text.last == UInt8(ascii: "}"), text.count >= 2 else { return nil }
        var rest = text[1..<(text.count - 1)]
        if rest.isEmpty { return [] }
        var elements: [[UInt8]?] = []
        while true {
            guard let element = rest.first == UInt8(ascii: "\"") ? quoted(&rest) : plain(&rest) else { return nil }
            elements.append(element.isNull ? nil : element.text)
            guard let separator = rest.popFirst() else { return elements }
            guard separator == UInt8(ascii: ",") else { return nil }
        }
    }

    private struct Element {
        var text: [UInt8]
        var isNull: Bool
    }

    private static func quoted(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>) -> Element? {
        rest.removeFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return Element(text: text, isNull: false)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            default: text.append(byte)
            }
        }
        return nil
    }

    private static func plain(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>) -> Element? {
        var text: [UInt8] = []
        while let byte = rest.first, byte != UInt8(ascii: ",") {
            guard byte != UInt8(ascii: "{"), byte != UInt8(ascii: "}") else { return nil }
            text.append(byte)
            rest.removeFirst()
        }
        return text.isEmpty ? nil : Element(text: text, isNull: text.elementsEqual("NULL".utf8))
    }
}
