public import Logging

/// Where log records go and how they look.
public struct LogOutput: Sendable {
    public let format: LogFormat
    /// The least severe level that is written.
    public let level: Logger.Level
    let sink: any LogSink
    let now: @Sendable () -> WallTime

    /// - Parameters:
    ///   - sink: Standard error unless a test wants the lines.
    ///   - now: The clock that stamps records.
    public init(
        format: LogFormat = .text,
        level: Logger.Level = .info,
        sink: any LogSink = StandardErrorSink.shared,
        now: @escaping @Sendable () -> WallTime = WallTime.now
    ) {
        self.format = format
        self.level = level
        self.sink = sink
        self.now = now
    }

    /// A logger that writes here.
    public func logger(label: String) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, output: self) }
    }

    /// Makes every `Logger(label:)` of the process write here. To be called once, before the first logger is made.
    public func bootstrap() {
        LoggingSystem.bootstrap(
            { label, provider in LineLogHandler(label: label, output: self, metadataProvider: provider) },
            metadataProvider: nil)
    }
}
