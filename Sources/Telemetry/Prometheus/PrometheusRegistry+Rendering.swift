extension PrometheusRegistry.State {
    static let conflictsName = "berth_metric_name_conflicts"

    /// Writes the families and what the collectors added, by name.
    func render(with scrape: Scrape) -> [UInt8] {
        var writer = ExpositionWriter()
        let collected = scrape.families
        var conflicts = conflicts + scrape.conflicts
        for name in Set(families.keys).union(collected.keys).sorted() {
            switch (families[name], collected[name]) {
            case (let family?, nil):
                write(name, family, adding: [:], to: &writer)
            case (nil, let added?):
                writer.header(name, added.kind, help: help[name])
                for (labels, value) in added.values.sorted(by: { $0.key < $1.key }) {
                    writer.sample(name, labels.text, value)
                }
            case (let family?, let added?) where family.kind == added.kind:
                write(name, family, adding: added.values, to: &writer)
            case (let family?, _?):
                conflicts += 1
                write(name, family, adding: [:], to: &writer)
            case (nil, nil):
                break
            }
        }
        if conflicts > 0 {
            writer.header(Self.conflictsName, .gauge, help: "Metric names used with more than one type; a bug.")
            writer.sample(Self.conflictsName, "", Double(conflicts))
        }
        return writer.bytes
    }

    private func write(
        _ name: String, _ family: MetricFamily, adding extra: [LabelSet: Double], to writer: inout ExpositionWriter
    ) {
        switch family.series {
        case .counter(let members):
            write(name, .counter, members.mapValues(\.value), extra, to: &writer)
        case .gauge(let members):
            write(name, .gauge, members.mapValues(\.value), extra, to: &writer)
        case .histogram(let members, let buckets):
            guard !members.isEmpty else { return }
            writer.header(name, .histogram, help: help[name])
            for (labels, member) in members.sorted(by: { $0.key < $1.key }) {
                writer.histogram(name, labels, buckets, member.observations)
            }
        }
    }

    private func write(
        _ name: String, _ kind: MetricKind, _ recorded: [LabelSet: Double], _ collected: [LabelSet: Double],
        to writer: inout ExpositionWriter
    ) {
        let values = recorded.merging(collected) { _, collected in collected }
        guard !values.isEmpty else { return }
        writer.header(name, kind, help: help[name])
        for (labels, value) in values.sorted(by: { $0.key < $1.key }) { writer.sample(name, labels.text, value) }
    }
}
