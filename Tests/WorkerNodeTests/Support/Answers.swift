import Foundation
import Routing
import Testing

/// An error of one statement, or of a whole request.
struct ErrorAnswer: Error, Decodable, Equatable {
    var code: String?
    var message: String

    static func == (left: Self, right: Self) -> Bool { left.code == right.code }

    init(code: String?, message: String) {
        self.code = code
        self.message = message
    }

    private enum Keys: String, CodingKey { case message, code, extended_code }

    /// With the more exact of its codes.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        message = try container.decode(String.self, forKey: .message)
        code = try container.decodeIfPresent(String.self, forKey: .extended_code) ?? container.decodeIfPresent(String.self, forKey: .code)
    }
}

/// A value as text, so that rows can be compared with literals.
struct Cell: Decodable {
    var text: String

    private enum Keys: String, CodingKey { case type, value, base64 }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        text = switch try container.decode(String.self, forKey: .type) {
        case "null": "null"
        case "float": String(try container.decode(Double.self, forKey: .value))
        case "blob": try container.decode(String.self, forKey: .base64)
        default: try container.decode(String.self, forKey: .value)
        }
    }
}

struct StatementAnswer: Decodable {
    struct Column: Decodable { var name: String? }
    var cols: [Column]
    var rows: [[Cell]]
    var affected_row_count: Int
    var last_insert_rowid: String?

    var texts: [[String]] { rows.map { $0.map(\.text) } }
    var firstColumn: [String] { texts.compactMap(\.first) }
}

struct BatchAnswer: Decodable {
    var step_results: [StatementAnswer?]
    var step_errors: [ErrorAnswer?]

    /// One word per step: ok, the code of its error, or skipped.
    var outcomes: [String] {
        zip(step_results, step_errors).map { result, error in
            result != nil ? "ok" : error.map { $0.code ?? "?" } ?? "skipped"
        }
    }
}

struct DescriptionAnswer: Decodable {
    struct Parameter: Decodable { var name: String? }
    var params: [Parameter]
    var cols: [StatementAnswer.Column]
    var is_explain: Bool
    var is_readonly: Bool
}

struct PipelineAnswer: Decodable {
    struct Item: Decodable {
        var type: String
        var response: Response?
        var error: ErrorAnswer?
    }

    struct Response: Decodable {
        var type: String
        var statement: StatementAnswer?
        var batch: BatchAnswer?
        var description: DescriptionAnswer?
        var isAutocommit: Bool?

        private enum Keys: String, CodingKey { case type, result, is_autocommit }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            type = try container.decode(String.self, forKey: .type)
            switch type {
            case "execute": statement = try container.decode(StatementAnswer.self, forKey: .result)
            case "batch": batch = try container.decode(BatchAnswer.self, forKey: .result)
            case "describe": description = try container.decode(DescriptionAnswer.self, forKey: .result)
            case "get_autocommit": isAutocommit = try container.decode(Bool.self, forKey: .is_autocommit)
            default: break
            }
        }
    }

    var baton: String?
    var results: [Item]

    /// One word per request: what it answered, or the code of its error.
    var outcomes: [String] { results.map { $0.response?.type ?? $0.error?.code ?? "?" } }
    func rows(_ index: Int) -> [[String]]? { results[index].response?.statement?.texts }
}

struct CursorAnswer {
    var baton: String?
    var entries: [CursorEntry]
}

struct CursorEntry: Decodable {
    var type: String
    var step: Int?
    var row: [Cell]?
    var error: ErrorAnswer?
}

/// An answer that a client reads piece by piece.
final class OpenCursor {
    let baton: String?
    private(set) var entries: [CursorEntry] = []
    private(set) var pieces = 1
    private let rest: (any ReplyStream)?

    init(_ reply: DataReply) throws {
        struct Opening: Decodable { var baton: String? }
        let end = try #require(reply.body.firstIndex(of: UInt8(ascii: "\n")))
        baton = try JSONDecoder().decode(Opening.self, from: Data(reply.body[..<end])).baton
        rest = reply.rest
        try take(reply.body[(end + 1)...])
    }

    /// Whether there is more than the first piece.
    var goesOn: Bool { rest != nil }

    /// - Returns: whether there was a piece.
    @discardableResult
    func read() async throws -> Bool {
        guard let piece = try await rest?.next() else { return false }
        pieces += 1
        try take(piece[...])
        return true
    }

    func cancel() { rest?.cancel() }

    private func take(_ lines: ArraySlice<UInt8>) throws {
        #expect(lines.isEmpty || lines.last == UInt8(ascii: "\n"), "a piece ends with a line")
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            entries.append(try JSONDecoder().decode(CursorEntry.self, from: Data(line)))
        }
    }

    /// One word per entry that is not a row, with the number of rows in between.
    var outline: [String] {
        entries.reduce(into: []) { words, entry in
            guard entry.type == "row" else {
                if entry.type == "replication_index" { return words.append("end") }
                words.append(entry.error.map { "\(entry.type) \($0.code ?? "?")" } ?? entry.type)
                return
            }
            if let count = words.last.flatMap({ Int($0) }) { words[words.count - 1] = "\(count + 1)" } else { words.append("1") }
        }
    }
}
