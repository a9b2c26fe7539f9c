/// Makes names fit the Prometheus data model: `[a-zA-Z_:][a-zA-Z0-9_:]*` for metrics, the same without `:` for labels.
///
/// Berth's own names fit already. Libraries that report through swift-metrics use dots and dashes.
enum MetricName {
    static func metric(_ raw: String) -> String { fit(raw, allowingColon: true) }
    static func label(_ raw: String) -> String { fit(raw, allowingColon: false) }

    private static func fit(_ raw: String, allowingColon: Bool) -> String {
        func isAllowed(_ byte: UInt8, first: Bool) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
            case UInt8(ascii: ":"): allowingColon
            default: false
            }
        }
        var fits = !raw.isEmpty
        var isFirst = true
        for byte in raw.utf8 {
            if !isAllowed(byte, first: isFirst) { fits = false }
            isFirst = false
        }
        if fits { return raw }

        var text = ""
        for scalar in raw.unicodeScalars {
            let byte = scalar.isASCII ? UInt8(scalar.value) : 0
            if isAllowed(byte, first: false) {
                if text.isEmpty, !isAllowed(byte, first: true) { text.append("_") }
                text.unicodeScalars.append(scalar)
            } else {
                text.append("_")
            }
        }
        return text.isEmpty ? "_" : text
    }
}
