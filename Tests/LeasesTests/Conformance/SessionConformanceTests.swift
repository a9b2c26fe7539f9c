import BerthTestKit
import FleetModel
import Leases
import Testing

/// Rules 1, 3 and 12: what a session is, and who may end it.
@Suite(.timeLimit(.minutes(2)))
struct SessionConformanceTests {
    @Test(arguments: StoreKind.allCases)
    func anOpenedSessionLives(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        var node = try NewSession.test("node-7")
        node.timing = LeaseTiming(ttl: .milliseconds(61_234))
        let manager = try NewSession.test("manager-1", role: .manager)
        try await stage.store.openSession(node)
        try await stage.store.openSession(manager)
        let expected = [node, manager].sorted { $0.id < $1.id }.map {
            SessionRecord(
                id: $0.id, node: $0.node, role: $0.role, address: $0.address, renewals: 0, isRevoked: false,
                ttl: $0.timing.ttl)
        }
        #expect(try await stage.store.liveSessions() == expected)
    }

    @Test(arguments: StoreKind.allCases)
    func everyRenewalIsCounted(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (session, other) = (try await stage.session(), try await stage.session("node-2"))
        for count in 1...3 {
            #expect(try await stage.store.renew(session) == .renewed)
            #expect(try await stage.record(session)?.renewals == Int64(count))
        }
        #expect(try await stage.record(other)?.renewals == 0)
    }

    /// Trap 8, rule 1: nothing but an end makes a session end, so however late a renewal is valid.
    @Test(arguments: StoreKind.allCases)
    func aSessionThatNobodyEndedIsRenewedHoweverLate(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (session, other) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: session)
        for _ in 0..<20 { #expect(try await stage.store.renew(other) == .renewed) }
        #expect(try await stage.store.acquire([lease.database], for: other).isEmpty)
        #expect(try await stage.store.renew(session) == .renewed)
        #expect(try await stage.row(lease.database) == lease)
    }

    @Test(arguments: StoreKind.allCases)
    func anEndedSessionIsNotRenewed(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (byOwner, byObserver) = (try await stage.session(), try await stage.session("node-2"))
        try await stage.end(byOwner)
        #expect(try await stage.store.endSession(byObserver, seen: 0, reason: "test"))
        #expect(try await stage.store.renew(byOwner) == .refused(.ended))
        #expect(try await stage.store.renew(byObserver) == .refused(.ended))
        #expect(try await stage.store.liveSessions().isEmpty)
    }

    @Test(arguments: StoreKind.allCases)
    func aRevokedSessionIsNotRenewedAndLivesUntilItIsEnded(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (session, other) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: session)
        #expect(try await stage.store.renew(session) == .renewed)
        try await stage.store.revokeSession(session)
        #expect(try await stage.store.renew(session) == .refused(.revoked))
        #expect(try await stage.record(session)?.isRevoked == true)
        #expect(try await stage.record(session)?.renewals == 1)
        #expect(try await stage.record(other)?.isRevoked == false)
        #expect(try await stage.store.acquire([lease.database], for: other).isEmpty)

        #expect(try await stage.store.endSession(session, seen: 1, reason: "test"))
        #expect(try await stage.store.renew(session) == .refused(.ended))
        #expect(try await stage.store.acquire([lease.database], for: other).map(\.database) == [lease.database])
    }

    @Test(arguments: StoreKind.allCases)
    func anUnknownSessionIsNotRenewed(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        #expect(try await stage.store.renew(.random()) == .refused(.unknownSession))
        try await stage.store.revokeSession(.random())
        #expect(try await stage.store.liveSessions().isEmpty)
    }

    @Test(arguments: StoreKind.allCases)
    func anObserverEndsOnlyWhatWasNotRenewedSince(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        #expect(try await stage.store.renew(session) == .renewed)
        for stale in [Int64(0), 2] {
            #expect(try await !stage.store.endSession(session, seen: stale, reason: "test"))
        }
        #expect(try await stage.store.renew(session) == .renewed)
        #expect(try await stage.store.endSession(session, seen: 2, reason: "test"))
        #expect(try await !stage.store.endSession(session, seen: 2, reason: "ended already"))
        #expect(try await !stage.store.endSession(.random(), seen: 0, reason: "unknown"))
    }

    /// Rule 3: a supervisor may end the session of a process that died before it opened it.
    @Test(arguments: StoreKind.allCases)
    func aSessionEndedBeforeItWasOpenedNeverOpens(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try NewSession.test()
        // Also when the first reply was lost: nobody is told that it had been opened.
        for _ in 0..<2 {
            #expect(try await !stage.store.endOwnSession(session.id, node: session.node, reason: "reaped"))
        }
        #expect(try await stage.openingFails(session) == "session_ended")
        #expect(try await stage.store.liveSessions().isEmpty)
        #expect(try await stage.store.renew(session.id) == .refused(.ended))
    }

    @Test(arguments: StoreKind.allCases)
    func aSessionOpensOnce(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try NewSession.test()
        try await stage.store.openSession(session)
        #expect(try await stage.store.renew(session.id) == .renewed)
        #expect(try await stage.openingFails(session) == "session_ended")
        #expect(try await stage.record(session.id)?.renewals == 1)

        for _ in 0..<2 {
            #expect(try await stage.store.endOwnSession(session.id, node: session.node, reason: "reaped"))
        }
        #expect(try await stage.openingFails(session) == "session_ended")
        #expect(try await stage.store.liveSessions().isEmpty)
    }

    /// Rule 12.
    @Test(arguments: StoreKind.allCases)
    func nothingOpensOrRenewsOnAStoreOfAnotherGeneration(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (session, ended, revoked) = (try await stage.session(), try await stage.session(), try await stage.session())
        let lease = try await stage.lease(heldBy: session)
        try await stage.end(ended)
        try await stage.store.revokeSession(revoked)
        try await stage.under.changeGeneration()
        #expect(try await stage.store.renew(session) == .refused(.generationChanged))
        #expect(try await stage.store.renew(ended) == .refused(.ended))
        #expect(try await stage.store.renew(revoked) == .refused(.revoked))
        #expect(try await stage.openingFails(try NewSession.test()) == "store_generation_changed")
        #expect(try await stage.record(session)?.renewals == 0)
        #expect(try await stage.row(lease.database) == lease)
    }

    /// Rule 12, for what happens between the change and the next renewal.
    @Test(arguments: StoreKind.allCases)
    func nothingIsChangedOnAStoreOfAnotherGeneration(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (session, successor) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: session), free = try await stage.freeLease()
        let claim = LeaseClaim(database: lease.database, epoch: lease.epoch, headSeq: lease.head.seq)
        try await stage.under.changeGeneration()
        #expect(try await stage.store.acquire([free.database], for: session).isEmpty)
        do throws(LeaseStoreError) {
            _ = try await stage.store.publish(.test(session, [.next(on: lease)]))
            Issue.record("it was published")
        } catch {
            #expect(error.asBerthError.code == .storeGenerationChanged)
        }
        #expect(try await !stage.store.transfer(claim, from: session, to: successor, copy: nil))
        #expect(try await stage.store.release([claim], by: session).isEmpty)
        #expect(try await stage.store.raiseEpoch(lease.database, from: lease.epoch, by: session) == nil)
        #expect(try await stage.row(lease.database) == lease)
        #expect(try await stage.row(free.database) == free)
    }

    /// Trap 6: two processes with one node's name are two sessions.
    @Test(arguments: StoreKind.allCases)
    func sessionsOfOneNodeAreApart(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (old, new) = (try await stage.session(), try await stage.session())
        let lease = try await stage.lease(heldBy: old)
        #expect(try await stage.store.acquire([lease.database], for: new).isEmpty)
        try await stage.end(old)
        #expect(try await stage.store.renew(new) == .renewed)
        #expect(try await stage.store.renew(old) == .refused(.ended))
        #expect(try await stage.store.acquire([lease.database], for: new).first?.epoch == Epoch(2))
    }
}

extension Stage {
    /// - Returns: the code `openSession` fails with.
    fileprivate func openingFails(_ session: NewSession) async throws -> String? {
        do throws(LeaseStoreError) { try await store.openSession(session) } catch { return error.asBerthError.code.rawValue }
        return nil
    }
}
