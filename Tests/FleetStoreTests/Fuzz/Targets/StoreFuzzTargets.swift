import BerthTestKit
import FleetModel
import Foundation

@testable import FleetStore

/// Postgres's text forms, the payloads of its notifications, and where it is.
enum StoreFuzzTargets {
    static let all = [array, hex, uuid, timestamp, integer, hint, url]

    private static let array = FuzzTarget(
        "postgres-array", seeds: ["{}", "{1,-2}", #"{a,"b \"c\"\\",NULL,"NULL",""}"#].map { Array($0.utf8) },
        words: ["{", "}", ",", "\"", "\\", "NULL", "\"\"", "{}"]
    ) { text in
        guard let elements = text.withUnsafeBufferPointer(ArrayText.read) else { return .refused }
        var again = Array("{".utf8)
        for (index, element) in elements.enumerated() {
            if index > 0 { again.append(UInt8(ascii: ",")) }
            guard let element else {
                again += "NULL".utf8
                continue
            }
            again.append(UInt8(ascii: "\""))
            for byte in element {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { again.append(UInt8(ascii: "\\")) }
                again.append(byte)
            }
            again.append(UInt8(ascii: "\""))
        }
        again.append(UInt8(ascii: "}"))
        try hold(again.withUnsafeBufferPointer(ArrayText.read) == elements, "written with quotes it is read another way")
        return .accepted
    }

    private static let hex = FuzzTarget("postgres-hex", seeds: ["", "00ff", "DEADbeef"].map { Array($0.utf8) }, words: ["0x", "g"]) { text in
        guard let bytes = HexText.readBytes(text) else { return .refused }
        var again: [UInt8] = []
        HexText.append(bytes, to: &again)
        try hold(String(decoding: text, as: UTF8.self).lowercased() == String(decoding: again, as: UTF8.self), "it is read as \(bytes)")
        return .accepted
    }

    private static let uuid = FuzzTarget(
        "postgres-uuid", seeds: [Array("0190a5d0-0000-7000-8000-0000000000aa".utf8)], words: ["-", "--", "0x"]
    ) { text in
        let uuid = HexText.readUUID(text)
        let other = String(validating: text, as: UTF8.self).flatMap { DatabaseID($0) }
        try hold(uuid == other?.uuid, "as an identifier it is \(String(describing: other))")
        return uuid == nil ? .refused : .accepted
    }

    private static let timestamp = FuzzTarget(
        "postgres-timestamp",
        seeds: [
            "2026-01-31 23:59:59.123456+00", "1970-01-01 00:00:00+00", "2024-02-29 12:00:00.5+00", "0001-01-01 00:00:00+00",
            "9999-12-31 23:59:58+00",
        ].map { Array($0.utf8) }, words: ["+00", "-00", "02-30", "24:", ":60", ".", " BC", "0000"]
    ) { text in
        guard let date = text.withUnsafeBufferPointer(TimestampText.read) else { return .refused }
        guard let again = TimestampText.write(date) else { throw FuzzTarget.Violation("it is read as \(date), which cannot be written") }
        // Written with all six digits; dates far from now have less than a microsecond of precision.
        var given = String(decoding: text.dropLast(3), as: UTF8.self)
        if !given.contains(".") { given += "." }
        given += String(repeating: "0", count: max(0, 26 - given.utf8.count))
        let digits = abs(date.timeIntervalSince1970) < 4e9 ? 26 : 19
        try hold(again.utf8.count == 29 && again.prefix(digits) == given.prefix(digits) || digits == 19, "it is read as \(again)")
        return .accepted
    }

    private static let integer = FuzzTarget(
        "postgres-integer", seeds: ["0", "-9223372036854775808", "9223372036854775807"].map { Array($0.utf8) }, words: ["-", "+", "٣"]
    ) { text in
        let value = PostgresRow.readInteger(text)
        let expected = text.first == UInt8(ascii: "+") ? nil : Int64(String(decoding: text, as: UTF8.self))
        try hold(value == expected, "it is read as \(String(describing: value))")
        return value == nil ? .refused : .accepted
    }

    private static let hint = FuzzTarget.text(
        "store-hint",
        seeds: ["placements node-1 node-2", "leases 0190a5d0-0000-7000-8000-0000000000aa", "sessions *", "operations", "leases *"],
        words: ["placements", "leases", " ", "*", "\u{301}"]
    ) { text in
        guard let hint = StoreHint(payload: text) else { return .refused }
        switch hint {
        case .placements(let nodes?): try hold(nodes.allSatisfy { text.contains($0.description) }, "\(nodes) is not in it")
        case .leases(let databases?): try hold(databases.count <= text.split(separator: " ").count, "more than were named")
        case .everything: throw FuzzTarget.Violation("a payload cannot mean everything")
        default: break
        }
        return .accepted
    }

    private static let url = FuzzTarget.text(
        "postgres-url",
        seeds: [
            "postgres://user:hunter2@host:5432/db", "host=/tmp port=5432 user=berth password=hunter2 dbname='p g'", "",
            "postgresql://[::1]:1,h2:2/db?target_session_attrs=read-write",
        ], words: ["postgres://", "%", "%00", "%2", "@", ":", "/", "?", "=", "'", "\\", "password=", "host=", " "]
    ) { text in
        let url: PostgresURL
        do throws(BerthError) { url = try PostgresURL(text) } catch {
            try hold(error.code == .configurationInvalid && !error.message.contains("hunter2"), "refused with “\(error)”")
            return .refused
        }
        try hold("\(url)" == url.description && url.debugDescription == url.description, "it shows more than it says")
        return .accepted
    }
}
