import BerthTestKit
import Engines
import FleetModel
import Foundation
import Hrana
import Testing

@testable import WorkerNode

/// What the published text of the protocol, “SQL over HTTP” version 3, asks of a server, as its public conformance suite looks at it: bytes in
/// and bytes out, with either engine. Tokens are the gateway's.
@Suite(.timeLimit(.minutes(2)))
struct PublicProtocolTests {
    static let engines: [EngineKind] = [.sqlite, .duckdb]

    private func serving(_ kind: EngineKind, _ body: (RawClient) async throws -> Void) async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase(engine: kind)
        let engines = kind == .sqlite ? EngineSet([SQLiteEngine()]) : EngineSet([DuckDBEngine(library: try DuckDBLibrary.load())])
        try await TenantHost.with(stores, engines: engines) { host in
            try await body(RawClient(client: host.lead(record).client))
        }
    }

    // MARK: Pipelines

    @Test(arguments: engines) func aResultHasItsShape(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let (status, answer) = try await client.pipeline(
                #"{"type":"execute","stmt":{"sql":"SELECT ? AS n, ? AS t","args":[{"type":"integer","value":"9223372036854775807"},{"type":"text","value":"hello"}],"want_rows":true}},{"type":"close"}"#)
            #expect(status == 200 && answer["baton"] == .null && answer["results"].count == 2)
            let response = answer["results"][0]["response"]
            #expect(answer["results"][0]["type"] == "ok" && response["type"] == "execute")
            let result = response["result"]
            #expect(result["cols"].count == 2 && result["cols"][0]["name"] == "n" && result["cols"][1]["name"] == "t")
            #expect(result["rows"].count == 1)
            #expect(result["rows"][0][0] == ["type": "integer", "value": "9223372036854775807"])
            #expect(result["rows"][0][1] == ["type": "text", "value": "hello"])
            #expect(result["affected_row_count"] == 0 && result["last_insert_rowid"] == .null)
            #expect(answer["results"][1]["type"] == "ok" && answer["results"][1]["response"]["type"] == "close")
        }
    }

    @Test(arguments: engines) func anErrorIsPartOfTheAnswerAndTheRestIsRun(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let (status, answer) = try await client.execute("SELECT FROM WHERE", "SELECT 1")
            #expect(status == 200 && answer["results"][0]["type"] == "error")
            #expect(answer["results"][0]["error"]["message"].text != nil && answer["results"][0]["error"]["code"].text != nil)
            #expect(answer["results"][1]["response"]["result"]["rows"][0][0] == ["type": "integer", "value": "1"])
        }
    }

    @Test(arguments: engines) func aTransactionGoesOnWithItsBaton(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER)")
            let (_, begun) = try await client.pipeline(#"{"type":"execute","stmt":{"sql":"BEGIN"}},{"type":"execute","stmt":{"sql":"INSERT INTO t VALUES (1)"}}"#)
            #expect(begun["results"][0]["type"] == "ok" && begun["results"][1]["type"] == "ok")
            let baton = try #require(begun["baton"].text)
            let (status, ended) = try await client.pipeline(baton: baton, #"{"type":"execute","stmt":{"sql":"COMMIT"}},{"type":"close"}"#)
            #expect(status == 200 && ended["baton"] == .null && ended["results"][0]["type"] == "ok")
            #expect(try await client.count("t") == "1")
        }
    }

    @Test(arguments: engines) func autocommitIsTold(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let ask = #"{"type":"get_autocommit"}"#
            let (_, answer) = try await client.pipeline(
                #"\#(ask),{"type":"execute","stmt":{"sql":"BEGIN"}},\#(ask),{"type":"execute","stmt":{"sql":"ROLLBACK"}},\#(ask),{"type":"close"}"#)
            #expect([0, 2, 4].map { answer["results"][$0]["response"]["is_autocommit"] } == [true, false, true])
        }
    }

    // MARK: Batches

    @Test(arguments: engines) func conditionsDecideWhatIsRun(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER UNIQUE)", "INSERT INTO t VALUES (1)")
            let (status, answer) = try await client.batch(
                (nil, "SELECT 1"), (nil, "INSERT INTO t VALUES (1)"), (#"{"type":"ok","step":0}"#, "SELECT 2"), (#"{"type":"ok","step":1}"#, "SELECT 3"),
                (#"{"type":"error","step":1}"#, "SELECT 4"), (#"{"type":"not","cond":{"type":"error","step":3}}"#, "SELECT 5"),
                // To the conditions, a step that was skipped has failed.
                (#"{"type":"error","step":3}"#, "SELECT 6"))
            let result = answer["results"][0]["response"]["result"]
            #expect(status == 200 && result["step_results"].count == 7 && result["step_errors"].count == 7)
            for step in 0..<7 {
                #expect((result["step_results"][step] != .null) == [0, 2, 4, 6].contains(step), "step \(step)")
                #expect((result["step_errors"][step] != .null) == (step == 1), "step \(step)")
            }
        }
    }

    @Test(arguments: engines) func aFailedBatchIsRolledBackByItsLastStep(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER UNIQUE)")
            let (_, answer) = try await client.batch(
                (nil, "BEGIN"), (#"{"type":"ok","step":0}"#, "INSERT INTO t VALUES (1)"), (#"{"type":"ok","step":1}"#, "INSERT INTO t VALUES (1)"),
                (#"{"type":"ok","step":2}"#, "COMMIT"), (#"{"type":"not","cond":{"type":"ok","step":3}}"#, "ROLLBACK"))
            let result = answer["results"][0]["response"]["result"]
            #expect(result["step_errors"][2] != .null && result["step_results"][3] == .null && result["step_results"][4] != .null)
            #expect(try await client.count("t") == "0")
        }
    }

    @Test(arguments: engines) func aConditionOnALaterStepFailsTheWholeRequest(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER)")
            let error = await #expect(throws: BerthError.self) {
                try await client.batch((#"{"type":"ok","step":1}"#, "INSERT INTO t VALUES (1)"), (nil, "INSERT INTO t VALUES (2)"))
            }
            #expect(error?.code.httpStatus == 400)
            #expect(try await client.count("t") == "0")
        }
    }

    // MARK: Other requests

    @Test(arguments: engines) func aSequenceStopsAtItsFirstError(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER)")
            let (status, answer) = try await client.pipeline(
                #"{"type":"sequence","sql":"INSERT INTO t VALUES (1); INSERT INTO missing VALUES (2); INSERT INTO t VALUES (3)"},{"type":"close"}"#)
            #expect(status == 200 && answer["results"][0]["type"] == "error")
            #expect(try await client.count("t") == "1")
        }
    }

    @Test(arguments: engines) func describeTellsParametersColumnsAndWhetherItReads(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
            let name = kind == .sqlite ? ":id" : "$id"
            let (_, answer) = try await client.pipeline(
                #"{"type":"describe","sql":"SELECT id, name FROM t WHERE id = \#(name)"},{"type":"describe","sql":"DELETE FROM t"},{"type":"close"}"#)
            let result = answer["results"][0]["response"]["result"]
            #expect(result["params"].count == 1 && result["params"][0]["name"] == .text(name))
            #expect(result["cols"].count == 2 && result["cols"][0]["name"] == "id" && result["cols"][1]["name"] == "name")
            #expect(result["is_explain"] == false && result["is_readonly"] == true)
            #expect(answer["results"][1]["response"]["result"]["is_readonly"] == false)
        }
    }

    @Test(arguments: engines) func storedSQLBelongsToItsStream(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let use = #"{"type":"execute","stmt":{"sql_id":1,"args":[{"type":"integer","value":"41"}]}}"#
            let (_, answer) = try await client.pipeline(
                #"{"type":"store_sql","sql_id":1,"sql":"SELECT 0"},{"type":"store_sql","sql_id":1,"sql":"SELECT ? + 1"},\#(use),"#
                    + #"{"type":"close_sql","sql_id":1},{"type":"close_sql","sql_id":42},{"type":"close"}"#)
            #expect((0..<6).allSatisfy { answer["results"][$0]["type"] == "ok" })
            #expect(answer["results"][2]["response"]["result"]["rows"][0][0]["value"] == "42")
            let (status, other) = try await client.pipeline(#"{"type":"execute","stmt":{"sql_id":1}},{"type":"close"}"#)
            #expect(status == 200 && other["results"][0]["type"] == "error")
        }
    }

    @Test(arguments: engines) func nothingMayComeAfterClose(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER)")
            let error = await #expect(throws: BerthError.self) {
                try await client.pipeline(#"{"type":"execute","stmt":{"sql":"INSERT INTO t VALUES (1)"}},{"type":"close"},{"type":"execute","stmt":{"sql":"SELECT 1"}}"#)
            }
            #expect(error?.code.httpStatus == 400)
            #expect(try await client.count("t") == "0")
        }
    }

    // MARK: Arguments and values

    @Test(arguments: engines) func argumentsAreEitherPositionalOrNamed(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let names = kind == .sqlite ? ":a, :b" : "$a, $b"
            let (status, answer) = try await client.pipeline(
                #"{"type":"execute","stmt":{"sql":"SELECT \#(names)","args":[{"type":"integer","value":"1"}],"named_args":[{"name":"b","value":{"type":"integer","value":"2"}}]}},{"type":"close"}"#)
            #expect(status == 200 && answer["results"][0]["type"] == "error")
        }
    }

    @Test(arguments: engines, ["a", ":a", "@a", "$a"]) func namesMatchWithoutTheirPrefix(_ kind: EngineKind, _ name: String) async throws {
        try await serving(kind) { client in
            for parameter in kind == .sqlite ? [":a", "@a", "$a"] : ["$a"] {
                let (_, answer) = try await client.pipeline(
                    #"{"type":"execute","stmt":{"sql":"SELECT \#(parameter)","named_args":[{"name":"\#(name)","value":{"type":"integer","value":"7"}}]}},{"type":"close"}"#)
                #expect(answer["results"][0]["response"]["result"]["rows"][0][0] == ["type": "integer", "value": "7"])
            }
        }
    }

    @Test(arguments: engines) func rowsThatAreNotWantedAreNotSent(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let (_, answer) = try await client.pipeline(#"{"type":"execute","stmt":{"sql":"SELECT 1, 2, 3","want_rows":false}},{"type":"close"}"#)
            #expect(answer["results"][0]["type"] == "ok" && answer["results"][0]["response"]["result"]["rows"] == [])
        }
    }

    @Test(arguments: engines) func blobsComeBackFromBase64WithAndWithoutPadding(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            for base64 in ["3q2+7w", "3q2+7w=="] {
                let (_, answer) = try await client.pipeline(#"{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"blob","base64":"\#(base64)"}]}},{"type":"close"}"#)
                #expect(answer["results"][0]["response"]["result"]["rows"][0][0] == ["type": "blob", "base64": "3q2+7w"])
            }
        }
    }

    // MARK: Streams

    @Test(arguments: engines) func aBatonIsGoodOnce(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let select = #"{"type":"execute","stmt":{"sql":"SELECT 1"}}"#
            let first = try #require(try await client.pipeline(#"{"type":"execute","stmt":{"sql":"BEGIN"}}"#).answer["baton"].text)
            let second = try #require(try await client.pipeline(baton: first, select).answer["baton"].text)
            #expect(first != second)
            for stale in [first, "nothing"] {
                let (status, answer) = try await client.pipeline(baton: stale, select)
                #expect(status == 404 && answer["code"] == "STREAM_EXPIRED" && answer["error"].text != nil)
            }
        }
    }

    @Test(arguments: engines) func theOlderPathTakesPipelinesToo(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let (status, answer) = try await client.pipeline(version: .two, #"{"type":"execute","stmt":{"sql":"SELECT 1"}},{"type":"close"}"#)
            #expect(status == 200 && answer["results"][0]["type"] == "ok")
        }
    }

    // MARK: Cursors

    @Test(arguments: engines) func aCursorAnswersLineByLine(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (1), (2), (3)")
            let lines = try await client.cursor((nil, "SELECT x FROM t ORDER BY x"))
            #expect(lines.first?["baton"].text != nil)
            #expect(lines.dropFirst().map { $0["type"].text } == ["step_begin", "row", "row", "row", "step_end", "replication_index"])
            #expect(lines[1]["step"] == 0 && lines[1]["cols"][0]["name"] == "x")
            #expect(lines[2...4].map { $0["row"][0] } == ["1", "2", "3"].map { ["type": "integer", "value": .text($0)] })
        }
    }

    @Test(arguments: engines) func aFailedStepDoesNotEndACursor(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER UNIQUE)", "INSERT INTO t VALUES (1)")
            let lines = try await client.cursor((nil, "INSERT INTO t VALUES (1)"), (nil, "SELECT 1"))
            let error = try #require(lines.first { $0["type"] == "step_error" })
            #expect(error["step"] == 0 && error["error"]["message"].text != nil)
            #expect(error["error"]["code"] == (kind == .sqlite ? "SQLITE_CONSTRAINT" : "DUCKDB_CONSTRAINT"))
            #expect(error["error"]["extended_code"] == (kind == .sqlite ? "SQLITE_CONSTRAINT_UNIQUE" : .null))
            #expect(lines.contains { $0["type"] == "step_begin" && $0["step"] == 1 })
            #expect(lines.last?["type"] == "replication_index")
        }
    }

    @Test func theEndOfAStepTellsTheLastRowid() async throws {
        try await serving(.sqlite) { client in
            try await client.prepare("CREATE TABLE t (id INTEGER PRIMARY KEY)")
            let end = try #require(try await client.cursor((nil, "INSERT INTO t VALUES (123)")).first { $0["type"] == "step_end" })
            #expect(end["affected_row_count"] == 1 && end["last_insert_rowid"] == "123")
        }
    }

    @Test(arguments: engines) func aCursorsConditionsSeeItsTransaction(_ kind: EngineKind) async throws {
        try await serving(kind) { client in
            let alone = #"{"type":"is_autocommit"}"#
            let lines = try await client.cursor((nil, "BEGIN"), (alone, "SELECT 1"), (nil, "ROLLBACK"), (alone, "SELECT 2"))
            #expect(lines.filter { $0["type"] == "step_begin" }.map { $0["step"] } == [0, 2, 3])
        }
    }

    /// What libSQL's clients send for their transactions, whatever the engine.
    @Test(arguments: engines, ["BEGIN IMMEDIATE", "BEGIN DEFERRED", "BEGIN EXCLUSIVE", "BEGIN TRANSACTION READONLY"])
    func libSQLsTransactions(_ kind: EngineKind, _ begin: String) async throws {
        try await serving(kind) { client in
            try await client.prepare("CREATE TABLE t (x INTEGER)")
            let (_, answer) = try await client.batch(
                (nil, begin), (#"{"type":"ok","step":0}"#, "INSERT INTO t VALUES (1)"), (#"{"type":"ok","step":1}"#, "COMMIT"),
                (#"{"type":"not","cond":{"type":"ok","step":2}}"#, "ROLLBACK"))
            let reads = begin.hasSuffix("READONLY")
            #expect(answer["results"][0]["response"]["result"]["step_errors"][1]["code"] == (reads ? "BLOCKED" : .null))
            #expect(try await client.count("t") == (reads ? "0" : "1"))
        }
    }
}
