/// Answers of the data protocol, as far as the workload reads them.
public struct PipelineReply: Decodable, Sendable {
    public struct Failure: Decodable, Error, Sendable {
        public var message: String
        public var code: String?
    }

    public struct Value: Decodable, Sendable {
        public var type: String
        /// Of an integer or a text.
        public var text: String?

        private enum Key: String, CodingKey { case type, value }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            type = try container.decode(String.self, forKey: .type)
            text = switch type {
            case "text", "integer": try container.decode(String.self, forKey: .value)
            case "float": String(try container.decode(Double.self, forKey: .value))
            default: nil
            }
        }
    }

    public struct Table: Decodable, Sendable {
        public var rows: [[Value]]
    }

    /// Of an `execute` or a `batch`.
    public struct Result: Decodable, Sendable {
        public var rows: [[Value]]?
        public var stepResults: [Table?]?
        public var stepErrors: [Failure?]?

        private enum CodingKeys: String, CodingKey {
            case rows
            case stepResults = "step_results"
            case stepErrors = "step_errors"
        }
    }

    public struct Response: Decodable, Sendable {
        public var type: String
        public var result: Result?
    }

    public struct Item: Decodable, Sendable {
        public var type: String
        public var response: Response?
        public var error: Failure?
    }

    public var baton: String?
    public var results: [Item]

    /// The result of a request.
    ///
    /// - Throws: `Failure`, when it failed.
    public func result(_ index: Int) throws(Failure) -> Result {
        guard results.indices.contains(index) else { throw Failure(message: "no result \(index)", code: nil) }
        if let error = results[index].error { throw error }
        guard let result = results[index].response?.result else { throw Failure(message: "an empty result", code: nil) }
        return result
    }
}

/// A line of a cursor's answer.
struct CursorEntry: Decodable {
    var type: String
    var row: [PipelineReply.Value]?
    /// Of the statement or of the whole.
    var error: PipelineReply.Failure?
}

struct LoadReply: Decodable {
    var rows: Int

    private enum CodingKeys: String, CodingKey { case rows = "rows_loaded" }
}

/// The body of an answer that is an error.
struct ErrorReply: Decodable {
    var code: String?
    var message: String?
}
