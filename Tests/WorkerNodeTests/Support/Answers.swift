/// An error of one statement, or of a whole request.
struct ErrorAnswer: Error, Decodable, Equatable {
    var code: String?
    var message: String

    static func == (left: Self, right: Self) -> Bool { left.code == right.code }
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
