/// What collectors add to one scrape: values that are states of something else and are read, not recorded.
public struct Scrape {
    struct Family {
        var kind: MetricKind
        var values: [LabelSet: Double]
    }

    private(set) var families: [String: Family] = [:]
    /// Names given with two kinds in one scrape; the first kind stays.
    private(set) var conflicts = 0

    init() {}

    /// Adds a gauge. Given twice with the same labels, the later value counts.
    public mutating func gauge(_ name: String, _ value: Double, _ labels: [(String, String)] = []) {
        add(name, .gauge, value, labels)
    }

    /// Adds a gauge. Given twice with the same labels, the later value counts.
    public mutating func gauge(_ name: String, _ value: some BinaryInteger, _ labels: [(String, String)] = []) {
        add(name, .gauge, Double(value), labels)
    }

    /// Adds a counter whose total something else keeps. The value must never fall during the life of the process.
    public mutating func counter(_ name: String, _ value: Double, _ labels: [(String, String)] = []) {
        add(name, .counter, value, labels)
    }

    private mutating func add(_ rawName: String, _ kind: MetricKind, _ value: Double, _ labels: [(String, String)]) {
        let name = MetricName.metric(rawName)
        if let family = families[name], family.kind != kind {
            conflicts += 1
            return
        }
        families[name, default: Family(kind: kind, values: [:])].values[LabelSet(labels)] = value
    }
}
