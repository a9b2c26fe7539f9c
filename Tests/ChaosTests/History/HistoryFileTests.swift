import Chaos
import Foundation
import Testing

/// A history is written while it happens, and read back as it was.
@Suite struct HistoryFileTests {
    static let events: [HistoryEvent] = {
        let write = Write(ledger: .appends, client: 3, number: 7, token: "abc")
        let moved = Write(ledger: .transfers, client: 3, number: 8, token: "def")
        func started(_ id: Int, _ work: Work) -> HistoryEvent {
            .started(RequestStart(id: id, client: 3, database: "db", through: "node-1", at: Story.at(id), work: work))
        }
        func finished(_ id: Int, _ outcome: Outcome) -> HistoryEvent {
            .finished(RequestFinish(id: id, at: Story.at(id + 1), outcome: outcome))
        }
        return [
            .database(TestedDatabase(name: "db", durability: "bucket", accounts: 4, balance: 100)),
            .sessionOpened(SessionOpening(session: "s", node: "node-1", at: Story.at(-1))),
            started(1, .append(write)), finished(1, .acknowledged),
            started(2, .transfer(moved, Transfer(from: 1, to: 2, amount: -5), isInteractive: true)), finished(2, .unknown("a \"quote\"")),
            started(3, .read()),
            finished(
                3,
                .observed(
                    Observation(
                        tallies: [.init(ledger: .appends, client: 3, last: 7, count: 6), .init(ledger: .transfers, client: 1, last: 1, count: 1)],
                        total: 400))),
            started(4, .append(write, isLoad: true)), finished(4, .refused("leader_unavailable")),
            started(5, .read(isCursor: true)), finished(5, .unknown("timeout")),
            started(6, .read(isHeld: true)), finished(6, .observed(Observation(tallies: [], total: 400, isRepeatable: false))),
            .leaseChanged(LeaseChange(database: "db", epoch: 2, session: "s", at: Story.at(9))),
            .leaseChanged(LeaseChange(database: "db", epoch: 2, session: nil, at: Story.at(10))),
            .sessionEnded(SessionEnd(session: "s", reason: "silent", at: Story.at(11))),
            .healed(Story.at(12)),
            .served(Served(database: "db", through: nil, at: Story.at(13))),
            .served(Served(database: "db", through: "gateway-1", at: Story.at(14))),
            .contents(
                Contents(
                    database: "db", at: Story.at(15), appends: [.init(client: 3, number: 7, token: "abc")], transfers: [],
                    balances: [100, 95, 105, 100])),
            .compared(Comparison(database: "db", node: "node-1", seq: 3, isHead: true, difference: nil)),
            .compared(Comparison(database: "db", node: "node-2", seq: 2, isHead: false, difference: "db: 1 of 2 pages differ")),
        ]
    }()

    private func path() -> String { "\(NSTemporaryDirectory())/berth-history-\(UUID().uuidString).jsonl" }

    @Test func everyEventComesBack() throws {
        let path = path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try EventFile<HistoryEvent>(path)
        for event in Self.events { try file.append(event) }
        try file.flush()
        #expect(try EventFile<HistoryEvent>.events(of: path) == Self.events)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == Self.events.count)
        #expect(lines[2] == #"{"at":1000,"client":3,"database":"db","event":"started","id":1,"number":7,"through":"node-1","token":"abc","work":"append"}"#)
    }

    @Test func faultsComeBack() throws {
        let path = path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let faults = [
            FaultRecord(number: 1, kind: .linkCut, targets: ["node-1", "postgres"], began: Story.at(1), ended: Story.at(2), note: "cut"),
            FaultRecord(number: 2, kind: .workerKill, targets: ["node-2"], began: Story.at(3), ended: nil),
        ]
        let file = try EventFile<FaultRecord>(path, pieceBytes: 1)
        for fault in faults { try file.append(fault) }
        // Written line by line: nothing had to be flushed.
        #expect(try EventFile<FaultRecord>.events(of: path) == faults)
    }

    @Test func whatIsNoEventIsRefused() throws {
        let path = path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("{\"event\":\"healed\",\"at\":1}\n{\"event\":\"healed\"}\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: DecodingError.self) { try EventFile<HistoryEvent>.events(of: path) }
    }

    @Test func requestsMeetTheirAnswers() {
        let history = History(Self.events)
        #expect(history.operations.map(\.id) == [1, 2, 3, 4, 5, 6])
        #expect(history.operations[0].acknowledgedAt == Story.at(2))
        #expect(history.operations[3].isRefused)
        let unanswered = History([Self.events[2]])
        #expect(unanswered.operations[0].outcome == .unknown("no answer"))
    }
}
