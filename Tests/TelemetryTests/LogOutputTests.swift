import Logging
import Synchronization
import Telemetry
import Testing

private final class CapturedLines: LogSink {
    private let captured = Mutex<[String]>([])
    var lines: [String] { captured.withLock { $0 } }
    func write(_ line: [UInt8]) { captured.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}

private struct Refused: Error, CustomStringConvertible {
    var description: String { "connection refused" }
}

@Suite struct LogOutputTests {
    private let sink = CapturedLines()

    private func logger(_ format: LogFormat, level: Logger.Level = .trace) -> Logger {
        LogOutput(
            format: format, level: level, sink: sink,
            now: { WallTime(millisecondsSince1970: 1_769_860_800_007) }
        ).logger(label: "berth.worker")
    }

    @Test func writesTextWithSortedMetadata() {
        var log = logger(.text)
        log[metadataKey: "node"] = "n1"
        log.info("lease acquired", metadata: ["epoch": "7", "database": "shop"])
        #expect(sink.lines == ["2026-01-31T12:00:00.007Z INFO berth.worker lease acquired database=shop epoch=7 node=n1\n"])
    }

    @Test func quotesInTextOnlyWhatCouldBeMisread() {
        logger(.text).warning("two\nlines", metadata: ["sql": "select \"a\" = 1", "empty": "", "path": "/a/b", "esc": "\u{1b}[2J"])
        #expect(sink.lines == [
            "2026-01-31T12:00:00.007Z WARNING berth.worker two\\nlines empty=\"\" esc=\"\\u001b[2J\" path=/a/b "
                + "sql=\"select \\\"a\\\" = 1\"\n"
        ])
    }

    @Test func writesOneJSONObjectPerLine() {
        logger(.json).error("failed\tagain", error: Refused(), metadata: ["level": "mine", "request_id": "0a"])
        #expect(sink.lines == [
            "{\"time\":\"2026-01-31T12:00:00.007Z\",\"level\":\"error\",\"label\":\"berth.worker\","
                + "\"message\":\"failed\\tagain\",\"error\":\"connection refused\",\"level_\":\"mine\",\"request_id\":\"0a\"}\n"
        ])
    }

    @Test func metadataOfTheCallWinsOverTheLoggers() {
        var log = logger(.text)
        log[metadataKey: "epoch"] = "1"
        log.info("x", metadata: ["epoch": "2"])
        log.info("y")
        #expect(sink.lines.map { $0.hasSuffix("epoch=2\n") } == [true, false])
    }

    @Test func dropsWhatIsBelowTheLevel() {
        let log = logger(.text, level: .notice)
        log.info("not this")
        log.notice("this")
        #expect(sink.lines.count == 1)
    }
}

@Suite struct WallTimeTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"),
        (951_827_696_789, "2000-02-29T12:34:56.789Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
    ])
    func writesRFC3339(milliseconds: Int64, text: String) {
        #expect(WallTime(millisecondsSince1970: milliseconds).rfc3339 == text)
    }
}

@Suite struct RequestIDTests {
    private struct Fixed: RandomNumberGenerator {
        var value: UInt64
        mutating func next() -> UInt64 { value }
    }

    @Test func isSixteenHexDigits() {
        var small = Fixed(value: 0x2a)
        #expect(RequestID.random(using: &small).description == "000000000000002a")
        #expect(RequestID.random() != RequestID.random())
    }

    @Test func takesFromOutsideOnlyWhatIsSafeToLog() {
        #expect(RequestID("a-B_9.z")?.description == "a-B_9.z")
        for bad in ["", "a b", "a\nb", "é", String(repeating: "a", count: 65)] { #expect(RequestID(bad) == nil) }
    }
}
