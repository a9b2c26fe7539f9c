import Changesets
import FleetModel
import Hrana

/// What reads and writes messages and changesets, without a database.
enum MessageScaling {
    static var paths: [ScalingPath] { requests + rows + answers + changesets }

    private static var requests: [ScalingPath] {
        func parsing(_ name: String, _ size: Int, _ body: @escaping @Sendable (Int) -> [UInt8]) -> ScalingPath {
            ScalingPath(name: "hrana request, \(name)", size: size) { run in
                let body = body(run.size)
                return try ScalingRun.timed { _ = try PipelineRequest(decoding: body, version: .three) }
            }
        }
        return [
            parsing("statements", 20_000) { count in
                PipelineBody.many((0..<count).map { .init(sql: "INSERT INTO t VALUES (?)", arguments: [.integer(Int64($0))]) })
            },
            parsing("different statements", 20_000) { count in
                PipelineBody.many((0..<count).map { .init(sql: "SELECT \($0)", arguments: []) })
            },
            parsing("conditional steps", 20_000) { count in
                PipelineBody.transaction((0..<count).map { .init(sql: "INSERT INTO t VALUES (?)", arguments: [.integer(Int64($0))]) })
            },
            parsing("bytes of one text", 4_000_000) { count in
                PipelineBody.single("SELECT '" + String(repeating: "line\n\"ü\" ", count: count / 10) + "'", [])
            },
            parsing("arguments", 50_000) { count in
                PipelineBody.single("SELECT 1", (0..<count).map { $0.isMultiple(of: 2) ? .integer(Int64($0)) : .text("text \($0)") })
            },
            parsing("bytes of a blob", 4_000_000) { PipelineBody.single("SELECT ?", [.blob([UInt8](repeating: 7, count: $0))]) },
            parsing("members without a meaning", 50_000) { count in
                let members = (0..<count).map { "\"m\($0)\":[\($0)]," }.joined()
                return Array(#"{"requests":[{"type":"execute","stmt":{\#(members)"sql":"SELECT 1"}}]}"#.utf8)
            },
            parsing("types behind what they explain", 20_000) { count in
                let item = #"{"stmt":{"args":[{"value":"1","type":"integer"}],"sql":"SELECT ?"},"type":"execute"}"#
                return Array((#"{"requests":["# + Array(repeating: item, count: count).joined(separator: ",") + "]}").utf8)
            },
        ]
    }

    private static var rows: [ScalingPath] {
        func reading(_ name: String, _ format: String, _ line: @escaping @Sendable (Int) -> String) -> ScalingPath {
            ScalingPath(name: "hrana load, \(name)", size: 50_000) { run in
                let body = Array((0..<run.size).map(line).joined(separator: "\n").utf8)
                var count = 0
                let time = try ScalingRun.timed {
                    var reader = try LoadRows(body, try LoadOptions(query: "table=t&format=\(format)\(format == "csv" ? "&header=false" : "")"))
                    while case let some = try reader.next(2_048), !some.isEmpty { count += some.count }
                }
                try ScalingRun.expect("rows read", count, run.size)
                return time
            }
        }
        return [
            reading("CSV rows", "csv") { "\($0),row \($0),0.5" },
            reading("CSV rows in quotes", "csv") { "\"\($0)\",\"a \"\"row\"\" \($0)\",\"\"" },
            reading("NDJSON objects", "ndjson") { #"{"a":\#($0),"b":"row \#($0)","c":0.5}"# },
            ScalingPath(name: "hrana load, bytes of one CSV field", size: 2_000_000) { run in
                let body = Array(("\"" + String(repeating: "\"\"x\n", count: run.size / 4) + "\"").utf8)
                return try ScalingRun.timed {
                    var reader = try LoadRows(body, try LoadOptions(query: "table=t&header=false"))
                    try ScalingRun.expect("rows read", try reader.next(2).count, 1)
                }
            },
        ]
    }

    private static var answers: [ScalingPath] {
        @Sendable func result(_ rows: Int, _ columns: Int) -> SQLResult {
            var result = SQLResult()
            result.columns = (0..<columns).map { .init(name: "column \($0)", declaredType: "TEXT") }
            result.rows = (0..<rows).map { row in (0..<columns).map { $0.isMultiple(of: 2) ? .integer(Int64(row)) : .text("row \(row) ü\n") } }
            return result
        }
        let limit = ResponseLimit(maximumBytes: 1 << 30)
        return [
            ScalingPath(name: "hrana answer, rows", size: 50_000) { run in
                let result = result(run.size, 4)
                return try ScalingRun.timed { _ = try ResponseBody.execute(result, limit: limit) }
            },
            ScalingPath(name: "hrana answer, columns", size: 20_000) { run in
                let result = result(1, run.size)
                return try ScalingRun.timed { _ = try ResponseBody.execute(result, limit: limit) }
            },
            ScalingPath(name: "hrana answer, results", size: 20_000) { run in
                let one = result(1, 4)
                let response = PipelineResponse(
                    baton: nil, baseURL: nil, results: (0..<run.size).map { _ in .success(.execute(one)) })
                return ScalingRun.timed { _ = ResponseBody.pipeline(response, limit: limit) }
            },
            ScalingPath(name: "hrana answer, rows of a cursor", size: 50_000) { run in
                let block = result(run.size, 4).rowBlock
                return ScalingRun.timed {
                    var writer = JSONWriter()
                    var position = RowBlock.Position()
                    while case let part = block.part(from: &position, atMost: 64 << 10), !part.isEmpty { writer.cursorRows(part) }
                }
            },
        ]
    }

    private static var changesets: [ScalingPath] {
        @Sendable func pages(_ count: Int) -> PageSet {
            let size = 4_096
            return PageSet(
                pageSize: size, endPageCount: UInt64(count), pages: (0..<count).map { .init(id: UInt64($0 + 1), bytes: $0 * size..<($0 + 1) * size) },
                bytes: (0..<count * size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        }
        let profile = HADBP.Profile.sqlite
        return [
            ScalingPath(name: "changeset, pages written", size: 1_000) { run in
                let pages = pages(run.size)
                return try ScalingRun.timed { _ = try HADBP.encode(pages, profile: profile, seq: 2, previousChecksum: 1, createdAt: 0) }
            },
            ScalingPath(name: "changeset, pages read", size: 1_000) { run in
                let bytes = try HADBP.encode(pages(run.size), profile: profile, seq: 2, previousChecksum: 1, createdAt: 0).bytes
                return try ScalingRun.timed { try ScalingRun.expect("pages", try HADBP.decode(bytes, profile: profile).pages.pages.count, run.size) }
            },
        ]
    }
}
