/// Answers of the data protocol, as far as the workload reads them.
struct PipelineReply: Decodable {
    struct Failure: Decodable, Error {
        var message: String
        var code: String?
    }

    struct Value: Decodable {
        var type: String
        /// Of an integer or a text.
        var text: String?

        private enum Key: String, CodingKey { case type, value }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            type = try container.decode(String.self, forKey: .type)
            text = switch type {
            case "text", "integer": try container.decode(String.self, forKey: .value)
            case "float": String(try container.decode(Double.self, forKey: .value))
            default: nil
            }
        }
    }

    struct Table: Decodable {
        var rows: [[Value]]
    }

    /// Of an `execute` or a `batch`.
    struct Result: Decodable {
        var rows: [[Value]]?
        var stepResults: [Table?]?
        var stepErrors: [Failure?]?

        private enum CodingKeys: String, CodingKey {
            case rows
            case stepResults = "step_results"
            case stepErrors = "step_errors"
        }
    }

    struct Response: Decodable {
        var type: String
        var result: Result?
    }

    struct Item: Decodable {
        var type: String
        var response: Response?
        var error: Failure?
    }

    var baton: String?
    var results: [Item]

    /// The result of a request.
    ///
    /// - Throws: `Failure`, when it failed.
    func result(_ index: Int) throws(Failure) -> Result {
        guard results.indices.contains(index) else { throw Failure(message: "no result \(index)", code: nil) }
        if let error = results[index].error { throw error }
        guard let result = results[index].response?.result else { throw Failure(message: "an empty result", code: nil) }
        return result
    }
}

/// The body of an answer that is an error.
struct ErrorReply: Decodable {
    var code: String?
    var message: String?
}
