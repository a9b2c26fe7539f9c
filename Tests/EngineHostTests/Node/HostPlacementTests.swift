import BerthTestKit
import FleetModel
import Testing

@testable import EngineHost

@Suite struct HostPlacementTests {
    private func placement(spares: Int = 1) -> HostPlacement { HostPlacement(shared: [.sqlite: 2], spares: spares, idleTimeout: .seconds(30)) }

    @Test func databasesOfOneEngineAreSpreadOverItsHosts() {
        var placement = placement(spares: 0)
        let hosts = (0..<6).map { _ in placement.place(.sqlite, alone: false, at: .zero).host }
        #expect(Set(hosts).count == 2)
        #expect(Set(hosts.map { host in hosts.count { $0 == host } }) == [3])
        placement.leave(hosts[0], at: .zero)
        #expect(placement.place(.sqlite, alone: false, at: .zero).host == hosts[0])
    }

    @Test func otherDatabasesHaveAHostEachAndOneIsReadyForTheNext() {
        var placement = placement()
        let (first, actions) = placement.place(.duckdb, alone: false, at: .zero)
        #expect(actions == [.start(first, .duckdb), .start(first + 1, .duckdb)])
        let (second, more) = placement.place(.duckdb, alone: false, at: .zero)
        #expect(second == first + 1 && more == [.start(second + 1, .duckdb)])
    }

    @Test func whoIsToBeAloneSharesWithNobody() {
        var placement = placement(spares: 0)
        let shared = placement.place(.sqlite, alone: false, at: .zero).host
        let alone = placement.place(.sqlite, alone: true, at: .zero).host
        #expect(shared != alone)
        let others = (0..<10).map { _ in placement.place(.sqlite, alone: false, at: .zero).host }
        #expect(!others.contains(alone))
    }

    @Test func aHostThatEndedIsReplacedByTheOneThatIsReady() {
        var placement = placement()
        let (first, actions) = placement.place(.sqlite, alone: false, at: .zero)
        #expect(actions.count == 2)
        let follow = placement.ended(first, wasReady: true)
        #expect(follow.isEmpty)
        let (next, more) = placement.place(.sqlite, alone: false, at: .zero)
        #expect(next == first + 1 && more == [.start(next + 1, .sqlite)])
        // One that could not be started is not tried again by itself.
        #expect(placement.ended(next + 1, wasReady: false).isEmpty)
    }

    /// What is looked at there may end it.
    @Test func nobodyIsPlacedBesideFilesThatAreLookedAt() {
        var placement = placement(spares: 1)
        _ = placement.place(.sqlite, alone: false, at: .zero)
        let looking = placement.place(.sqlite, alone: true, at: .zero).host
        let others = (0..<5).map { _ in placement.place(.sqlite, alone: false, at: .zero).host }
        #expect(!others.contains(looking))
        // Afterwards it is one of those that are ready.
        placement.leave(looking, at: .zero)
        #expect(placement.place(.sqlite, alone: true, at: .zero).host == looking)
    }

    @Test func whatIsReadyAheadIsTakenFirst() {
        var placement = placement(spares: 1)
        let actions = placement.prepare(.sqlite)
        #expect(actions == [.start(1, .sqlite)] && placement.prepare(.sqlite).isEmpty)
        #expect(placement.place(.sqlite, alone: false, at: .zero).host == 1)
    }

    @Test func hostsNobodyUsesEndInTime() {
        var placement = placement()
        let hosts = (0..<3).map { _ in placement.place(.duckdb, alone: false, at: .zero).host }
        for host in hosts { placement.leave(host, at: .seconds(1)) }
        #expect(placement.idle(at: .seconds(30)).isEmpty)
        #expect(placement.idle(at: .seconds(31)) == hosts.map { .end($0) })
        #expect(placement.idle(at: .seconds(90)).isEmpty)
    }

    @Test func aHostIsUsedAgainWhenItsDatabaseWasClosed() {
        var placement = placement(spares: 0)
        let host = placement.place(.duckdb, alone: false, at: .zero).host
        placement.leave(host, at: .zero)
        #expect(placement.place(.duckdb, alone: false, at: .zero).host == host)
    }

    /// Whatever happens in whatever order, databases that share a host are of its engine, and those that must not share do not.
    @Test(arguments: 1...10) func nobodySharesWhoMustNot(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var placement = placement(), open: [(host: Int, engine: EngineKind, isOwn: Bool)] = []
        for step in 0..<400 {
            let now = Duration.seconds(step)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1:
                let engine = EngineKind.allCases.randomElement(using: &generator) ?? .sqlite, alone = Int.random(in: 0..<5, using: &generator) == 0
                open.append((placement.place(engine, alone: alone, at: now).host, engine, alone || engine == .duckdb))
            case 2:
                guard let index = open.indices.randomElement(using: &generator) else { continue }
                placement.leave(open.remove(at: index).host, at: now)
            case 3:
                guard let host = open.randomElement(using: &generator)?.host else { continue }
                _ = placement.ended(host, wasReady: Bool.random(using: &generator))
                open.removeAll { $0.host == host }
            default: _ = placement.idle(at: now)
            }
            for (host, tenants) in Dictionary(grouping: open, by: \.host) {
                #expect(Set(tenants.map(\.engine)).count == 1, "host \(host)")
                #expect(tenants.count == 1 || !tenants.contains { $0.isOwn }, "host \(host)")
            }
            #expect(Set(open.filter { $0.engine == .sqlite && !$0.isOwn }.map(\.host)).count <= 2)
        }
    }
}
