import AdminAPI
import Synchronization
import Testing

@testable import berth

@Suite struct OutputTests {
    @Test func alignsDatabases() {
        #expect(DatabaseText.list([Samples.idle, Samples.shop]) == """
            NAME              STATE       ENGINE  DURABILITY  LEADER  PLACED ON  EPOCH  HEAD  SHIP LAG
            a-very-long-name  unled       sqlite  bucket      -       node-2         0     0         -
            shop              unopenable  sqlite  local       node-1  node-2         3    12     1.2 s
            """)
        #expect(DatabaseText.list([]) == "No databases.")
    }

    @Test func showsOneDatabase() {
        #expect(DatabaseText.details(Samples.shop) == """
            name          shop
            state         unopenable
            id            0190b7a0-0000-7000-8000-000000000001
            engine        sqlite
            durability    local
            foreign keys  on
            created       2026-01-31T12:00:00.000Z
            placed on     node-2
            leader        node-1 at http://127.0.0.1:7081
            epoch         3
            head          12@00000000000000ff
            ship lag      1.2 s
            verified      9 at 2026-01-31T11:00:00.000Z
            unopenable    12 since 2026-01-31T12:30:00.000Z
            reason        DUCKDB_CATALOG: a log
            opens         11
            next          berth db accept-older shop --seq 11 gives up what came after 11
            """)
    }

    @Test func leavesNoSpacesAtTheEnd() {
        let table = Table([.init(title: "A"), .init(title: "LONG")], rows: [["x", ""], ["yyy", "z"]])
        #expect(table.text == "A    LONG\nx\nyyy  z")
    }

    @Test(arguments: [
        (Int64?.none, "-"), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_999, "59.9 s"), (60_000, "1 min"),
    ])
    func writesLagsInTheUnitThatFits(milliseconds: Int64?, text: String) {
        #expect(DatabaseText.lag(milliseconds) == text)
    }

    @Test func writesJSONAsTheAPIDoes() throws {
        let json = try OutputFormat.json([Samples.idle])
        #expect(json.hasPrefix("[") && json.contains("\"leader\" : null") && json.contains("\"placed_on\" : \"node-2\""))
    }

    @Test func saysWhatAnOperationIs() {
        var operation = Samples.operation
        #expect(OperationText.subject(operation) == "drain node-1")
        operation.kind = "move"
        operation.database = "shop"
        #expect(OperationText.subject(operation) == "move shop to node-1")
        operation.cancelRequested = true
        #expect(OperationText.details(operation).contains("running, to be cancelled"))
    }

    @Test func drawsABar() {
        var operation = Samples.operation
        #expect(ProgressLine.bar(operation) == "drain node-1 [######------------------] 3/12 running")
        operation.total = 0
        operation.done = 0
        #expect(ProgressLine.bar(operation) == "drain node-1 [------------------------] 0/0 running")
        operation.state = "succeeded"
        #expect(ProgressLine.bar(operation) == "drain node-1 [########################] 0/0 succeeded")
    }

    @Test func writesALinePerChangeWhereThereIsNoTerminal() {
        let written = Mutex<[String]>([])
        var progress = ProgressLine(isTerminal: false) { text in written.withLock { $0.append(text) } }
        var operation = Samples.operation
        progress.show(operation)
        progress.show(operation)
        operation.done = 4
        progress.show(operation)
        progress.end()
        #expect(written.withLock { $0 } == ["drain node-1: running 3/12\n", "drain node-1: running 4/12\n"])
    }

    @Test func rewritesItsLineOnATerminal() {
        let written = Mutex("")
        var progress = ProgressLine(isTerminal: true) { text in written.withLock { $0 += text } }
        progress.show(Samples.operation)
        progress.end()
        #expect(written.withLock { $0 } == "\rdrain node-1 [######------------------] 3/12 running\n")
    }
}
