import FleetModel
import Hrana

/// Bodies of `POST /v3/pipeline`, as clients write them.
enum PipelineBody {
    struct Statement {
        var sql: String
        var arguments: [SQLValue]
    }

    /// What a stateless client sends for one statement: it, and the end of the stream.
    static func single(_ sql: String, _ arguments: [SQLValue]) -> [UInt8] {
        many([Statement(sql: sql, arguments: arguments)])
    }

    /// Several statements, each a request of its own, and the end of the stream.
    static func many(_ statements: [Statement]) -> [UInt8] {
        pipeline { writer in
            for statement in statements {
                writer.literal(#"{"type":"execute","stmt":"#)
                writer.statement(statement)
                writer.literal("},")
            }
        }
    }

    /// One batch in a transaction, as client libraries send it: every step only if the one before succeeded, and a
    /// ROLLBACK if the COMMIT did not.
    static func transaction(_ statements: [Statement]) -> [UInt8] {
        pipeline { writer in
            writer.literal(#"{"type":"batch","batch":{"steps":[{"stmt":{"sql":"BEGIN"}}"#)
            for (index, statement) in statements.enumerated() {
                writer.literal(",")
                writer.step(statement, after: index)
            }
            writer.literal(",")
            writer.step(Statement(sql: "COMMIT", arguments: []), after: statements.count)
            writer.literal(#",{"condition":{"type":"not","cond":{"type":"ok","step":"#)
            writer.integer(statements.count + 1)
            writer.literal(#"}},"stmt":{"sql":"ROLLBACK"}}]}},"#)
        }
    }

    private static func pipeline(_ requests: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.literal(#"{"baton":null,"requests":["#)
        requests(&writer)
        writer.literal(#"{"type":"close"}]}"#)
        return writer.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func step(_ statement: PipelineBody.Statement, after step: Int) {
        literal(#"{"condition":{"type":"ok","step":"#)
        integer(step)
        literal(#"},"stmt":"#)
        self.statement(statement)
        literal("}")
    }

    fileprivate mutating func statement(_ statement: PipelineBody.Statement) {
        literal(#"{"sql":"#)
        string(statement.sql)
        if !statement.arguments.isEmpty {
            literal(#","args":["#)
            for (index, value) in statement.arguments.enumerated() {
                if index > 0 { literal(",") }
                argument(value)
            }
            literal("]")
        }
        literal("}")
    }

    private mutating func argument(_ value: SQLValue) {
        switch value {
        case .null: literal(#"{"type":"null"}"#)
        case .integer(let value):
            literal(#"{"type":"integer","value":""#)
            integer(value)
            literal(#""}"#)
        case .real(let value):
            literal(#"{"type":"float","value":"#)
            double(value)
            literal("}")
        case .text(let value):
            literal(#"{"type":"text","value":"#)
            string(value)
            literal("}")
        case .blob(let value):
            literal(#"{"type":"blob","base64":"#)
            value.withUnsafeBytes { base64($0) }
            literal("}")
        }
    }
}
