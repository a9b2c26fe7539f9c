import EngineHost
import FleetModel
import Testing

@testable import WorkerNode

/// Which answers may be given, decided without any I/O.
@Suite struct TenantLedgerTests {
    private var ledger = TenantLedger()
    private let database = UnusedDatabase()

    private mutating func serve(_ epoch: Int64 = 1) throws -> TenantLedger.Service {
        _ = ledger.beginOpening(hasCommits: false)
        ledger.serve(database, in: Epoch(epoch))
        let service = ledger.begin()
        return try #require(service)
    }

    private mutating func isRefused() -> Bool { ledger.begin() == nil }

    @Test mutating func nobodyIsServedBeforeAnOpeningAndAfterTheEnd() throws {
        let before = isRefused()
        #expect(before)
        let service = try serve()
        #expect(ledger.mayAcknowledge(service))
        ledger.stopAcknowledging()
        let after = isRefused()
        #expect(after && !ledger.mayAcknowledge(service))
    }

    /// What was given up must not be acknowledged, though the database is served again in the same epoch.
    @Test mutating func anEarlierLifeIsNotAcknowledged() throws {
        let service = try serve()
        ledger.giveUp()
        #expect(ledger.wait(for: 0, of: service) == .isGivenUp)
        let later = try serve()
        #expect(!ledger.mayAcknowledge(service) && ledger.mayAcknowledge(later))
    }

    @Test mutating func anEarlierEpochIsNotAcknowledged() throws {
        let service = try serve(1)
        ledger.stopAcknowledging()
        let later = try serve(2)
        #expect(!ledger.mayAcknowledge(service) && ledger.mayAcknowledge(later))
    }

    /// While another host takes the place of one that ended, what was committed stays acknowledgeable.
    @Test mutating func aHostThatIsReplacedTakesNothingBack() throws {
        let service = try serve()
        ledger.lost(ledger.opening)
        let refused = isRefused()
        #expect(refused && ledger.mayAcknowledge(service))
        _ = try serve()
        #expect(ledger.mayAcknowledge(service))
    }

    @Test mutating func whatIsTooOldToBeHeardChangesNothing() throws {
        let (first, commit) = ledger.beginOpening(hasCommits: false)
        var isNews = ledger.committed(commit + 1, in: first)
        #expect(isNews)
        isNews = ledger.committed(commit + 1, in: first)
        #expect(!isNews)
        let (second, _) = ledger.beginOpening(hasCommits: true)
        isNews = ledger.committed(commit + 9, in: first)
        #expect(!isNews, "its host has been replaced")
        isNews = ledger.committed(commit + 9, in: second)
        #expect(isNews)
    }

    @Test mutating func anAnswerWaitsForWhatItShows() throws {
        let service = try serve()
        let opening = ledger.opening
        _ = ledger.committed(1, in: opening)
        _ = ledger.committed(2, in: opening)
        #expect(ledger.wait(for: 1, of: service) == .wait)
        ledger.published(through: 1)
        #expect(ledger.wait(for: 1, of: service) == .isPublished && ledger.wait(for: 2, of: service) == .wait)
        #expect(!ledger.isAllPublished)
    }

    @Test mutating func itIsClosedOnlyWhenNobodyWaits() throws {
        _ = try serve()
        var wasIdle = ledger.stopServingIfIdle()
        #expect(!wasIdle)
        ledger.end()
        _ = ledger.committed(1, in: ledger.opening)
        wasIdle = ledger.stopServingIfIdle()
        #expect(!wasIdle)
        ledger.published(through: 1)
        wasIdle = ledger.stopServingIfIdle()
        let refused = isRefused()
        #expect(wasIdle && refused)
    }
}
