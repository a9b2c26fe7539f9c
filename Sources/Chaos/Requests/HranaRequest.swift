/// Requests of the data protocol as JSON. Everything that goes in is a number or a token of letters and digits, so
/// nothing needs escaping.
public struct HranaRequest: Sendable {
    let json: String

    public static func execute(_ sql: String, _ arguments: [Argument] = []) -> HranaRequest {
        HranaRequest(json: #"{"type":"execute","stmt":\#(statement(sql, arguments))}"#)
    }

    /// Statements in one transaction: each runs if the one before succeeded, and all is undone if any failed.
    public static func transaction(begin: String, _ statements: [(String, [Argument])]) -> HranaRequest {
        var steps = [#"{"stmt":\#(statement(begin, []))}"#]
        for (index, (sql, arguments)) in (statements + [("COMMIT", [])]).enumerated() {
            steps.append(#"{"condition":{"type":"ok","step":\#(index)},"stmt":\#(statement(sql, arguments))}"#)
        }
        let commit = steps.count - 1
        steps.append(
            #"{"condition":{"type":"not","cond":{"type":"ok","step":\#(commit)}},"stmt":\#(statement("ROLLBACK", []))}"#)
        return HranaRequest(json: #"{"type":"batch","batch":{"steps":[\#(steps.joined(separator: ","))]}}"#)
    }

    public static let close = HranaRequest(json: #"{"type":"close"}"#)

    public enum Argument: Sendable {
        case integer(Int64)
        case text(String)

        fileprivate var json: String {
            switch self {
            case .integer(let value): #"{"type":"integer","value":"\#(value)"}"#
            case .text(let value): #"{"type":"text","value":"\#(value)"}"#
            }
        }
    }

    public static func pipeline(_ requests: [HranaRequest], baton: String?) -> String {
        #"{"baton":\#(baton.map { "\"\($0)\"" } ?? "null"),"requests":[\#(requests.map(\.json).joined(separator: ","))]}"#
    }

    /// The body of a cursor's call.
    static func cursor(_ sql: String) -> String { #"{"baton":null,"batch":{"steps":[{"stmt":\#(statement(sql, []))}]}}"# }

    private static func statement(_ sql: String, _ arguments: [Argument]) -> String {
        #"{"sql":"\#(sql)","args":[\#(arguments.map(\.json).joined(separator: ","))]}"#
    }
}
