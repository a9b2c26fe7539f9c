/// The labels of one series, as they appear between the braces: sorted by name, values escaped.
///
/// Two sets are equal exactly when they render alike, whatever order the labels were given in. Of two labels with one
/// name the later counts, because a series with a label twice makes Prometheus drop the whole scrape. A label with an
/// empty value is no label, as in Prometheus itself.
struct LabelSet: Hashable, Comparable, Sendable {
    /// `a="1",b="2"`, without braces; empty without labels.
    let text: String

    init(_ labels: [(String, String)]) {
        guard !labels.isEmpty else {
            text = ""
            return
        }
        var byName: [String: String] = [:]
        for (name, value) in labels { byName[MetricName.label(name)] = value }
        text = byName.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(Self.escape($0.value))\"" }
            .joined(separator: ",")
    }

    /// These labels and one more at the end, for a histogram's `le`.
    func adding(_ name: String, _ value: String) -> String {
        text.isEmpty ? "\(name)=\"\(value)\"" : "\(text),\(name)=\"\(value)\""
    }

    static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    private static func escape(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
