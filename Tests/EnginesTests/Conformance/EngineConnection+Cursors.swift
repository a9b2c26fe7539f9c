import Engines
import FleetModel
import Foundation

extension EngineConnection {
    func open(_ sql: String, _ values: [SQLValue] = [], readOnly: Bool = false) throws(SQLError) -> any EngineCursor {
        try cursor(SQLStatement(sql, arguments: .positional(values)), readOnly: readOnly, deadline: nil)
    }

    /// What is left of a cursor.
    func all(_ cursor: any EngineCursor) throws(SQLError) -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        while case let more = try cursor.rows(atMost: 1_000, deadline: nil), !more.isEmpty { rows += more }
        return rows
    }

    /// The code with which making a cursor, or reading it to its end, fails; `nil` when it does not.
    func cursorCode(_ sql: String, readOnly: Bool = false, deadline: BootInstant? = nil) -> String? {
        do {
            let cursor = try cursor(SQLStatement(sql), readOnly: readOnly, deadline: deadline)
            while case let more = try cursor.rows(atMost: 1_000, deadline: deadline), !more.isEmpty {}
            return nil
        } catch { return error.code }
    }
}

extension EngineCursor {
    /// The next rows as values of their own.
    func rows(atMost bytes: Int, deadline: BootInstant?) throws(SQLError) -> [[SQLValue]] {
        try next(atMost: bytes, deadline: deadline).values
    }
}

extension EngineBench {
    /// Bytes of the log of recent commits, beside the main file.
    func logBytes() throws -> Int {
        try ["-wal", ".wal"].reduce(0) { sum, suffix in
            let path = path + suffix
            guard FileManager.default.fileExists(atPath: path) else { return sum }
            return try sum + ((FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0)
        }
    }
}
