public import Logging

/// Writes each log record as one line: time, level, label, message and metadata sorted by key.
///
/// Made by ``LogOutput``.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let output: LogOutput

    init(label: String, output: LogOutput, metadataProvider: Logger.MetadataProvider? = nil) {
        self.label = label
        self.output = output
        self.logLevel = output.level
        self.metadataProvider = metadataProvider
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var merged = metadataProvider?.get() ?? [:]
        merged.merge(metadata) { _, own in own }
        if let explicit = event.metadata { merged.merge(explicit) { _, explicit in explicit } }
        if let error = event.error, merged["error"] == nil { merged["error"] = "\(error)" }
        let record = LogRecord(
            time: output.now(),
            level: event.level,
            label: label,
            message: event.message.description,
            fields: merged.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 })
        output.sink.write(record.line(output.format))
    }
}
