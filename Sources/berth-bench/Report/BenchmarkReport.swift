import Foundation

/// What a benchmark found, for people and for programs.
struct BenchmarkReport: Sendable, Equatable {
    var name: String
    var results: [Measurement]

    /// `{"name","results":[{"metric","value","unit","baseline","ratio","target","met"}]}`; what does not apply is `null`.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// A line per result under a line of headings, aligned.
    var table: String {
        let heading = ["metric", "value", "baseline", "unit", "ratio", "target", ""]
        let rows = results.map { result in
            [
                result.metric, ReportNumber.short(result.value), result.baseline.map(ReportNumber.short) ?? "", result.unit,
                result.ratio.map(ReportNumber.short) ?? "", result.target?.description ?? "",
                result.isMet.map { $0 ? "met" : "MISSED" } ?? "",
            ]
        }
        let widths = heading.indices.map { column in ([heading] + rows).map { $0[column].count }.max() ?? 0 }
        let isNumber = [false, true, true, false, true, false, false]
        return ([heading] + rows).map { row in
            let cells = row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return isNumber[column] ? padding + row[column] : row[column] + padding
            }
            let line = cells.joined(separator: "  ")
            return line.replacing(#/ +$/#, with: "") + "\n"
        }.joined()
    }
}

extension BenchmarkReport: Encodable {
    private enum Keys: String, CodingKey { case name, results }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(name, forKey: .name)
        try container.encode(results, forKey: .results)
    }
}

extension Measurement: Encodable {
    private enum Keys: String, CodingKey { case metric, value, unit, baseline, ratio, target, met }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(metric, forKey: .metric)
        try container.encode(value, forKey: .value)
        try container.encode(unit, forKey: .unit)
        try container.encode(baseline, forKey: .baseline)
        try container.encode(ratio, forKey: .ratio)
        try container.encode(target?.description, forKey: .target)
        try container.encode(isMet, forKey: .met)
    }
}
