/// A page of metrics, read strictly by the rules of the Prometheus text format 0.0.4.
///
/// https://prometheus.io/docs/instrumenting/exposition_formats/
struct PrometheusText {
    struct Invalid: Error, CustomStringConvertible {
        let line: Int
        let why: String

        var description: String { "line \(line): \(why)" }
    }

    struct Family {
        var type: String
        var help: String
        var samples: [Sample] = []
    }

    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    private(set) var families: [String: Family] = [:]

    /// The sum of all series of a family.
    func total(_ name: String) -> Double? {
        families[name].map { $0.samples.reduce(0) { $0 + $1.value } }
    }

    /// - Throws: `Invalid`.
    init(_ text: String) throws {
        guard text.hasSuffix("\n") || text.isEmpty else { throw Invalid(line: 0, why: "the last line does not end") }
        var current: String?
        var seen: Set<String> = []
        var help: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().enumerated() {
            func fail(_ why: String) -> Invalid { Invalid(line: index + 1, why: "\(why): \(line)") }
            if line.hasPrefix("# HELP ") {
                let words = line.dropFirst(7).split(separator: " ", maxSplits: 1)
                guard words.count == 2, help[String(words[0])] == nil else { throw fail("a help without text, or the second") }
                help[String(words[0])] = String(words[1])
            } else if line.hasPrefix("# TYPE ") {
                let words = line.dropFirst(7).split(separator: " ").map(String.init)
                guard words.count == 2, ["counter", "gauge", "histogram", "summary", "untyped"].contains(words[1]) else {
                    throw fail("no type")
                }
                guard families[words[0]] == nil else { throw fail("a second family of this name") }
                guard let text = help[words[0]] else { throw fail("no help before it") }
                families[words[0]] = Family(type: words[1], help: text)
                current = words[0]
            } else if !line.hasPrefix("#") {
                let sample = try Self.sample(line, fail)
                guard let current, let family = families[current], Self.belongs(sample.name, to: current, family.type) else {
                    throw fail("a sample outside its family")
                }
                let series = sample.name + sample.labels.sorted { $0.key < $1.key }.description
                guard seen.insert(series).inserted else { throw fail("the second sample of a series") }
                guard family.type != "counter" || sample.value >= 0 else { throw fail("a negative counter") }
                families[current]?.samples.append(sample)
            }
        }
        for (name, family) in families where family.type == "histogram" { try Self.checkHistogram(name, family) }
    }

    private static func belongs(_ sample: String, to family: String, _ type: String) -> Bool {
        switch type {
        case "histogram": [family + "_bucket", family + "_sum", family + "_count"].contains(sample)
        case "summary": [family, family + "_sum", family + "_count"].contains(sample)
        default: sample == family
        }
    }

    private static func sample(_ line: Substring, _ fail: (String) -> Invalid) throws -> Sample {
        var rest = line
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        guard let first = name.first, !first.isNumber else { throw fail("no name") }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" {
                let label = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                rest = rest.dropFirst(label.count)
                guard !label.isEmpty, rest.hasPrefix("=\"") else { throw fail("no label") }
                rest = rest.dropFirst(2)
                var value = ""
                while let character = rest.first, character != "\"" {
                    rest = rest.dropFirst()
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    guard let escaped = rest.popFirst(), let plain = ["\\": "\\", "\"": "\"", "n": "\n"][escaped] else {
                        throw fail("a bad escape")
                    }
                    value += plain
                }
                guard rest.popFirst() == "\"", labels.updateValue(value, forKey: String(label)) == nil else {
                    throw fail("a label without an end, or twice")
                }
                if rest.first == "," { rest = rest.dropFirst() } else if rest.first != "}" { throw fail("labels without an end") }
            }
            rest = rest.dropFirst()
        }
        guard rest.first == " " else { throw fail("no value") }
        let words = rest.dropFirst().split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let special = ["+Inf": Double.infinity, "-Inf": -.infinity, "NaN": .nan]
        guard words.count == 1 || words.count == 2 && Int64(words[1]) != nil, let value = special[words[0]] ?? Double(words[0])
        else { throw fail("no value") }
        return Sample(name: String(name), labels: labels, value: value)
    }

    /// Buckets go up, end with `+Inf`, and agree with the count.
    private static func checkHistogram(_ name: String, _ family: Family) throws {
        var buckets: [[String: String]: [(bound: Double, count: Double)]] = [:]
        for sample in family.samples where sample.name == name + "_bucket" {
            var labels = sample.labels
            guard let text = labels.removeValue(forKey: "le"), let bound = text == "+Inf" ? .infinity : Double(text) else {
                throw Invalid(line: 0, why: "\(name): a bucket without a bound")
            }
            buckets[labels, default: []].append((bound, sample.value))
        }
        for (labels, series) in buckets {
            let count = family.samples.first { $0.name == name + "_count" && $0.labels == labels }?.value
            guard zip(series, series.dropFirst()).allSatisfy({ $0.bound < $1.bound && $0.count <= $1.count }),
                series.last?.bound == .infinity, series.last?.count == count,
                family.samples.contains(where: { $0.name == name + "_sum" && $0.labels == labels })
            else { throw Invalid(line: 0, why: "\(name)\(labels): its buckets do not add up") }
        }
    }
}
