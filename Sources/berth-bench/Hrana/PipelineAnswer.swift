import FleetModel
import Hrana

/// What a pipeline answered, read to be checked: not by the code that wrote it.
struct PipelineAnswer {
    struct Statement {
        /// Values as texts; `nil` is NULL.
        var rows: [[String?]] = []
        var affectedRows = 0
    }

    /// One for each statement, those of a batch among them, in their order.
    private(set) var statements: [Statement] = []

    /// - Throws: `WorkLost` when one of the statements failed, was skipped, or the body is no answer.
    init(_ body: [UInt8]) throws {
        var reader = JSONReader(body)
        do {
            try read(&reader)
            try reader.finish()
        } catch let error as JSONError {
            throw WorkLost("an answer cannot be read (\(error)): \(String(decoding: body.prefix(400), as: UTF8.self))")
        }
    }

    private mutating func read(_ reader: inout JSONReader) throws {
        try reader.members { key, reader in
            guard key == "results" else { return try reader.skipValue() }
            try reader.elements { reader in
                try reader.members { key, reader in
                    switch key {
                    case "error": throw WorkLost("a statement of a pipeline failed: \(try Self.message(&reader))")
                    case "response": try readResponse(&reader)
                    default: try reader.skipValue()
                    }
                }
            }
        }
    }

    private static func message(_ reader: inout JSONReader) throws -> String {
        var message = ""
        try reader.members { key, reader in
            if key == "message" { message = try reader.readString() } else { try reader.skipValue() }
        }
        return message
    }

    private mutating func readResponse(_ reader: inout JSONReader) throws {
        try reader.members { key, reader in
            guard key == "result" else { return try reader.skipValue() }
            var statement = Statement()
            var isBatch = false
            try reader.members { key, reader in
                switch key {
                case "rows": try reader.elements { statement.rows.append(try Self.readRow(&$0)) }
                case "affected_row_count": statement.affectedRows = try reader.readInteger(Int.self)
                case "step_results":
                    isBatch = true
                    try reader.elements { try readStep(&$0) }
                case "step_errors":
                    try reader.elements { if try !$0.readNull() { throw WorkLost("a step of a batch failed: \(try Self.message(&$0))") } }
                default: try reader.skipValue()
                }
            }
            if !isBatch { statements.append(statement) }
        }
    }

    /// A step that was skipped has `null` here, as one that failed; only the last one of a transaction, its ROLLBACK, may.
    private mutating func readStep(_ reader: inout JSONReader) throws {
        if try reader.readNull() { return }
        var statement = Statement()
        try reader.members { key, reader in
            switch key {
            case "affected_row_count": statement.affectedRows = try reader.readInteger(Int.self)
            default: try reader.skipValue()
            }
        }
        statements.append(statement)
    }

    private static func readRow(_ reader: inout JSONReader) throws -> [String?] {
        var row: [String?] = []
        try reader.elements { reader in
            var value: String?
            try reader.members { key, reader in
                switch (key, try reader.peekKind()) {
                case ("value", .string), ("base64", .string): value = try reader.readString()
                case ("value", .number): value = "\(try reader.readDouble())"
                default: try reader.skipValue()
                }
            }
            row.append(value)
        }
        return row
    }
}

extension JSONReader {
    fileprivate mutating func members(_ body: (String, inout JSONReader) throws -> Void) throws {
        try beginObject()
        while let key = try nextKey() { try body(key, &self) }
    }

    fileprivate mutating func elements(_ body: (inout JSONReader) throws -> Void) throws {
        try beginArray()
        while try nextElement() { try body(&self) }
    }
}
