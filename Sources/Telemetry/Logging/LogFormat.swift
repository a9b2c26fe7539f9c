/// How a log record is written, as `--log-format` names it.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: `2026-01-31T12:00:00.000Z INFO node started address=127.0.0.1:7070`.
    case text
    /// For programs: one JSON object per line, metadata keys beside `time`, `level`, `label` and `message`.
    case json
}
