import BerthTestKit
import FleetModel
import Foundation
import Hrana

/// The bodies of all data requests.
///
/// What is accepted is JSON to Foundation as well; and written anew by Foundation, with other escapes, spaces and order of
/// members, it means the same.
enum RequestFuzz {
    static let targets = [
        target("hrana-v1-execute", [RequestSamples.v1Execute]) { body throws(BerthError) in try ExecuteRequest(decoding: body) },
        target("hrana-v1-batch", [RequestSamples.v1Batch]) { body throws(BerthError) in try BatchRequest(decoding: body) },
        target("hrana-v2-pipeline", [RequestSamples.v2Pipeline, RequestSamples.v3Pipeline]) { body throws(BerthError) in
            try PipelineRequest(decoding: body, version: .two)
        },
        target("hrana-v3-pipeline", [RequestSamples.v3Pipeline, RequestSamples.v2Pipeline]) { body throws(BerthError) in
            try PipelineRequest(decoding: body, version: .three)
        },
        target("hrana-cursor", [RequestSamples.v3Cursor]) { body throws(BerthError) in try CursorRequest(decoding: body) },
    ]

    private static let words = [
        "{", "}", "[", "]", ",", ":", "\"", "\\u0000", "null", #""type":"#, #""sql":"#, #""sql_id":1"#, #""args":[]"#,
        #""named_args":[{"name":"a","value":{"type":"null"}}]"#, #"{"type":"integer","value":"1"}"#, #"{"type":"float","value":1.5}"#,
        #"{"type":"blob","base64":"AQ"}"#, #"{"type":"not","cond":"#, #"{"type":"and","conds":["#, #""condition":"#, #""steps":["#,
        #"{"type":"get_autocommit"},"#, #""baton":"x","#, #""want_rows":false"#,
    ]

    private static func target<Request: Equatable & Sendable>(
        _ name: String, _ seeds: [String], _ decode: @escaping @Sendable ([UInt8]) throws(BerthError) -> Request
    ) -> FuzzTarget {
        FuzzTarget(name, seeds: seeds.map { Array($0.utf8) }, words: words, cost: 2) { body in
            let request: Request
            do throws(BerthError) { request = try decode(body) } catch {
                try hold(error.code == .malformedRequest, "refused as \(error.code)")
                return .refused
            }
            guard let rewritten = rewritten(body) else { return .accepted }
            let again: Request
            do throws(BerthError) { again = try decode(rewritten) } catch {
                throw FuzzTarget.Violation("written anew it is refused: \(error)")
            }
            try hold(again == request, "written anew it means something else")
            return .accepted
        }
    }

    /// `nil` where Foundation cannot write what was meant: a number beyond `Double`, a number among those that `Double` rounds.
    private static func rewritten(_ body: [UInt8]) -> [UInt8]? {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)),
            let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .prettyPrinted])
        else { return nil }
        return Array(data)
    }
}
