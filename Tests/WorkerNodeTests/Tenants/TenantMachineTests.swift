import BerthTestKit
import Changesets
import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Replication
import Testing

@testable import WorkerNode

/// The life of a database, decided without a database.
@Suite struct TenantMachineTests {
    private static let lease = Lease(database: .random(), epoch: Epoch(3), head: ChainPosition(seq: 7, checksum: 70))
    private var machine = TenantMachine(lease: lease)
    private let database = UnusedDatabase()

    private mutating func tell<Answer>(_ input: (inout TenantMachine) -> Answer) -> Answer { input(&machine) }

    private mutating func serve() {
        machine.beginOpening(Task {})
        machine.beginRestoring()
        _ = machine.beginOpeningFiles(hasCommits: false)
        machine.serve(database)
    }

    private mutating func commit() { _ = machine.committed(machine.ledger.lastCommit + 1, in: machine.ledger.opening) }

    private mutating func cut() {
        guard let asked = machine.ask() else { return }
        _ = machine.cut(.success(.cut(after: machine)), asked: asked)
    }

    private mutating func quiesce() {
        _ = machine.beginDraining()
        _ = machine.quiesce(mayBeLeft: false)
        _ = machine.folded(.folded)
    }

    private var isQuiesced: Bool { if case .quiesced = machine.state { true } else { false } }

    // MARK: Shipping

    @Test mutating func oneChangesetIsUnderWayAtATime() {
        serve()
        commit()
        cut()
        #expect(machine.chain.tip.seq == 8 && machine.chain.head.seq == 7 && !machine.isAllPublished)
        let another = tell { $0.ask() }
        #expect(another == nil)
        let shipped = tell { $0.shipped(.published) }
        guard case .published(isMore: false, accepted: nil) = shipped else { Issue.record("\(shipped)"); return }
        #expect(machine.chain.head.seq == 8 && machine.isAllPublished)
        guard case .outdated = tell({ $0.shipped(.published) }) else { Issue.record("told twice is told once"); return }
    }

    /// What is cut of files that were returned to what is published is not a part of the chain.
    @Test mutating func whatWasAskedBeforeAReturnIsNotShipped() throws {
        serve()
        commit()
        let asked = try #require(tell { $0.ask() })
        let former = tell { $0.returnToHead() }
        #expect(former === database && machine.ledger.isAllPublished)
        serve()
        guard case .outdated = tell({ $0.cut(.success(.cut(after: $0)), asked: asked) }) else { Issue.record("shipped"); return }
        #expect(machine.chain.isAtHead)
    }

    /// Its host ended with a changeset on its way that will never be published: nobody knows what the files hold beside it.
    @Test(arguments: [ShipOutcome.fenced, .diverged(head: ChainPosition(seq: 9, checksum: 1))]) mutating func aClosedDatabaseIsLostWithItsChangeset(_ outcome: ShipOutcome) {
        serve()
        commit()
        cut()
        _ = tell { $0.hostLost($0.ledger.opening) }
        guard case .lost = tell({ $0.shipped(outcome) }) else { Issue.record("kept"); return }
    }

    @Test mutating func anOlderStateIsServedOnceItIsTheHead() {
        machine.beginOpening(Task {})
        machine.becomeUnopenable(.init(state: UnopenableState(seq: 7, code: "X", reason: "test"), retryAt: .seconds(300)))
        guard case .doesNotOpen = machine.wantOpen(at: .seconds(299)), case .open = machine.wantOpen(at: .seconds(300)) else { Issue.record("tried"); return }
        let found = tell { $0.found(older: 6, insteadOf: 7) }
        #expect(found?.opensSeq == 6)
        machine.beginOpening(Task {})
        _ = machine.beginOpeningFiles(hasCommits: true)
        machine.accept(database)
        let refused = tell { $0.begin() }
        #expect(refused == nil && machine.isUnopenable)
        cut()
        guard case .published(isMore: false, accepted: _?) = tell({ $0.shipped(.published) }) else { Issue.record("not accepted"); return }
        #expect(machine.isServing && !machine.isUnopenable)
    }

    /// It was opened, and its host ended at once: what was counted for it keeps nobody from giving the lease away.
    @Test mutating func anOlderStateThatIsNotOpenedLeavesNothingBehind() {
        let unopenable = TenantMachine.Unopenable(state: UnopenableState(seq: 7, code: "X", reason: "test"), retryAt: .seconds(300))
        machine.beginOpening(Task {})
        machine.becomeUnopenable(unopenable)
        machine.beginOpening(Task {})
        _ = machine.beginOpeningFiles(hasCommits: true)
        machine.lost(machine.ledger.opening)
        machine.acceptingFailed(unopenable)
        _ = machine.beginDraining()
        guard case .isQuiesced = tell({ $0.quiesce(mayBeLeft: false) }) else { Issue.record("kept"); return }
    }

    // MARK: Giving away

    @Test mutating func nothingIsGivenAwayThatIsNotPublished() {
        serve()
        commit()
        _ = machine.beginDraining()
        guard case .drain = tell({ $0.quiesce(mayBeLeft: false) }), case .waitForQuiet = machine.drained() else { Issue.record("given away"); return }
        cut()
        guard case .lookAgain = tell({ $0.folded(.folded) }) else { Issue.record("given away"); return }
        _ = machine.shipped(.published)
        guard case .fold = machine.drained(), case .isQuiesced = tell({ $0.folded(.folded) }) else { Issue.record("kept"); return }
        #expect(machine.ledger.acknowledgedEpoch == nil)
    }

    @Test mutating func aDrainThatIsOverServesOnAndMayBeginAnew() {
        serve()
        commit()
        _ = machine.beginDraining()
        let told = tell { $0.endDraining() }
        #expect(told === database)
        guard case .lookAgain = machine.drained(), case .serveOn = tell({ $0.quiesce(mayBeLeft: false) }) else { Issue.record("went on"); return }
        _ = machine.resume()
        machine.resumed(database)
        let mayBegin = tell { $0.beginDraining() }
        #expect(machine.isServing && mayBegin)
    }

    /// While its host is told to take new work again, somebody else wants to give it away: that is refused, and is not remembered.
    @Test mutating func whoeverComesWhileItIsResumedDoesNotLeaveItDraining() {
        serve()
        quiesce()
        #expect(isQuiesced)
        let resumed = tell { $0.resume() }
        let began = tell { $0.beginDraining() }
        #expect(resumed === database && !began)
        machine.resumed(database)
        #expect(machine.isServing && !machine.isDraining)
        let later = tell { $0.beginDraining() }
        #expect(later)
    }

    /// Everything committed is published, and another changeset was just asked for.
    @Test mutating func aHostThatEndsWithAChangesetAskedForIsReplacedBeforeItIsGivenAway() throws {
        serve()
        let asked = try #require(tell { $0.ask() })
        _ = tell { $0.hostLost($0.ledger.opening) }
        _ = machine.beginDraining()
        guard case .open = tell({ $0.quiesce(mayBeLeft: false) }) else { Issue.record("given away"); return }
        guard case .tryAgain = tell({ $0.cut(.failure(CutFailure(remedy: .captureAll, description: "test")), asked: asked) }) else { Issue.record("given up"); return }
        guard case .isQuiesced = tell({ $0.quiesce(mayBeLeft: false) }) else { Issue.record("kept"); return }
    }

    // MARK: Rule 4

    private mutating func failToOpen(at now: Duration, leaving commits: Bool = false) {
        machine.beginOpening(Task {})
        let begun = tell { $0.beginOpeningFiles(hasCommits: commits) }
        if !commits { machine.filesNotOpened(begun) }
        machine.openingFailed(since: now, counts: true)
    }

    @Test mutating func whoCannotServeForTooLongGivesUp() {
        failToOpen(at: .seconds(1))
        failToOpen(at: .seconds(20))
        var mayGiveUp = tell { $0.giveUp(after: .seconds(30), at: .seconds(30)) }
        #expect(!mayGiveUp)
        mayGiveUp = tell { $0.giveUp(after: .seconds(30), at: .seconds(31)) }
        #expect(mayGiveUp && machine.isReleasing && machine.ledger.acknowledgedEpoch == nil)
    }

    /// It failed for want of something, and then for want of the bucket: what was found on this disk is nowhere else.
    @Test mutating func whatWaitsForTheBucketIsNotGivenUp() {
        failToOpen(at: .seconds(1))
        failToOpen(at: .seconds(2), leaving: true)
        let mayGiveUp = tell { $0.giveUp(after: .seconds(30), at: .seconds(60)) }
        #expect(!mayGiveUp && !machine.isReleasing)
    }

    @Test mutating func whatServesAgainWasNotUnableToServe() {
        failToOpen(at: .seconds(1))
        serve()
        #expect(machine.unableToServe(at: .seconds(60)) == .zero)
    }

    // MARK: Hosts that end

    @Test mutating func whatAHostLeftIsOpenedWithoutARequestUntilItIsPublished() {
        serve()
        commit()
        _ = tell { $0.hostLost($0.ledger.opening) }
        #expect(machine.disk == .kept && machine.needsAttention)
        let delays = Duration.seconds(1)...Duration.seconds(4)
        let due = [0, 0, 1, 2, 3, 6, 7, 10, 11].map { seconds in tell { $0.tick(at: .seconds(seconds), reopenDelay: delays) } }
        #expect(due == [true, false, true, false, true, false, true, false, true])
        machine.beginOpening(Task {})
        _ = machine.beginOpeningFiles(hasCommits: true)
        machine.serve(database)
        cut()
        _ = machine.shipped(.published)
        #expect(machine.disk == .provable && !machine.needsAttention)
    }

    /// Its end is told ahead of everything else.
    @Test mutating func aHostThatEndedIsNotServed() {
        machine.beginOpening(Task {})
        _ = machine.beginOpeningFiles(hasCommits: false)
        machine.lost(machine.ledger.opening)
        #expect(machine.opened == .hostEnded)
        machine.openingFailed(since: .zero, counts: true)
        serve()
        #expect(machine.isServing)
    }

    @Test mutating func aFormerHostIsNotHeard() {
        serve()
        let former = machine.ledger.opening
        _ = tell { $0.hostLost(former) }
        serve()
        let (wasHeard, isNews) = tell { ($0.hostLost(former), $0.committed(99, in: former)) }
        #expect(!wasHeard && !isNews && machine.isServing)
    }

    // MARK: Any life

    @Test(arguments: 0..<400) func everyLifeKeepsItsPromises(_ seed: UInt64) {
        var life = RandomLife(seed: seed)
        for _ in 0..<500 { life.step() }
    }
}

extension CutResult {
    /// Everything committed, as the changeset after the head.
    static func cut(after machine: TenantMachine) -> CutResult {
        .cut(
            Cut(
                commit: machine.ledger.lastCommit, position: ChainPosition(seq: machine.chain.head.seq + 1, checksum: machine.ledger.lastCommit), pageSize: 4096,
                createdAt: 0, contents: .bytes([])))
    }
}

/// One database, whatever happens to it in whatever order; what it says is held against what really happened.
private struct RandomLife {
    private var random: SeededGenerator
    private var machine: TenantMachine
    private let database = UnusedDatabase()
    private var now = Duration.zero
    /// Of this tenant.
    private var durable: Set<UInt64> = [0]
    private var requests: [(service: TenantLedger.Service, commit: UInt64?)] = []
    private var asked: [TenantMachine.Asked] = []
    private var opening: Phase?
    private var isResuming = false
    private var unopenable: TenantMachine.Unopenable?

    private enum Phase {
        case begun, opened, catchingUp
    }

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        machine = TenantMachine(lease: Lease(database: .random(), epoch: Epoch(1), head: .origin))
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func step() {
        let (epoch, published, head) = (machine.chain.epoch, machine.ledger.publishedCommit, machine.chain.head.seq)
        happen(Int.random(in: 0..<18, using: &random))
        now += .milliseconds(Int.random(in: 0..<2_000, using: &random))
        #expect(machine.chain.epoch >= epoch && machine.ledger.publishedCommit >= published && machine.chain.head.seq >= head, "nothing goes backwards")
        check()
        if machine.isGone { replace() }
    }

    private func check() {
        let ledger = machine.ledger, chain = machine.chain
        #expect(ledger.publishedCommit <= ledger.lastCommit)
        #expect(ledger.service == nil || machine.isServing, "served while it is \(machine.state.name)")
        switch machine.state {
        case .quiesced, .releasing: #expect(ledger.isAllPublished && chain.isAtHead && ledger.acknowledgedEpoch == nil)
        case .gone: #expect(ledger.acknowledgedEpoch == nil)
        case .leading: break
        }
        for (service, commit) in requests where commit != nil {
            guard ledger.wait(for: commit ?? 0, of: service) == .isPublished else { continue }
            #expect(durable.contains(commit ?? 0), "acknowledged and not published: \(commit ?? 0)")
        }
    }

    /// The lease is acquired anew.
    private mutating func replace() {
        for (service, _) in requests { #expect(!machine.ledger.mayAcknowledge(service)) }
        machine = TenantMachine(lease: Lease(database: .random(), epoch: machine.chain.epoch.next, head: machine.chain.head))
        (durable, requests, asked, opening, isResuming, unopenable) = ([0], [], [], nil, false, nil)
    }

    private mutating func happen(_ number: Int) {
        switch number {
        case 0, 1: open()
        case 2: goOnOpening()
        case 3: if let service = machine.begin() { requests.append((service, nil)) }
        case 4, 5: commit()
        case 6: if let last = requests.popLast() { _ = (last, machine.end()) }
        case 7, 8: ship()
        case 9: loseHost()
        case 10: _ = machine.beginDraining()
        case 11, 12: giveAway()
        case 13: if chance(20) { _ = machine.endDraining() }
        case 14: close()
        case 15: if chance(10) { end(machine.lose()) }
        case 16: _ = machine.tick(at: now, reopenDelay: .seconds(1)...(.seconds(4)))
        default:
            if chance(10) { _ = machine.publishAnew() }
            if chance(5), let former = machine.returnToHead() { #expect(former === database) }
            if chance(20), machine.giveUp(after: .seconds(5), at: now), chance(50) { machine.leave() }
        }
    }

    private func end(_ loss: TenantMachine.Loss?) { #expect(loss != nil || machine.isGone) }

    // MARK: Opening

    private mutating func open() {
        guard opening == nil, case .open = machine.wantOpen(at: now) else { return goOnOpening() }
        unopenable = machine.unopenable
        machine.beginOpening(Task {})
        opening = .begun
    }

    private mutating func fail() {
        opening = nil
        if let unopenable { machine.acceptingFailed(unopenable) } else { machine.openingFailed(since: now, counts: chance(80)) }
    }

    private mutating func goOnOpening() {
        guard let phase = opening else { return }
        guard machine.isOpening, !chance(15) else { return fail() }
        switch phase {
        case .begun:
            guard machine.chain.changeset == .none else { return fail() }
            if unopenable == nil, chance(10), machine.disk != .kept {
                machine.beginRestoring()
                opening = nil
                let seq = machine.chain.head.seq
                machine.becomeUnopenable(.init(state: UnopenableState(seq: seq, code: "X", reason: "test"), retryAt: now + .seconds(1)))
                return
            }
            let isKept = machine.disk == .kept
            if isKept, chance(10) { machine.setAside() }
            let isLeft = !isKept && unopenable == nil && machine.disk == .provable && chance(40)
            if !isKept && !isLeft { machine.beginRestoring() }
            let begun = machine.beginOpeningFiles(hasCommits: isKept || isLeft || unopenable != nil)
            if chance(10) {
                machine.filesNotOpened(begun)
                return fail()
            }
            opening = .opened
            if isLeft {
                machine.beginCatchingUp(database)
                opening = .catchingUp
            }
        case .opened:
            guard machine.opened == .isCurrent else { return fail() }
            opening = nil
            if unopenable == nil { machine.serve(database) } else { machine.accept(database) }
        case .catchingUp:
            guard machine.opened == .isCurrent else { return fail() }
            guard machine.endCatchingUp() else {
                // Returned to what is published: it goes on by restoring.
                opening = .begun
                return
            }
            guard machine.ledger.isAllPublished else { return fail() }
            opening = nil
            machine.serve(database)
        }
    }

    // MARK: Commits and changesets

    private mutating func commit() {
        guard machine.isServing, !requests.isEmpty else { return }
        let commit = machine.ledger.lastCommit + 1
        guard machine.committed(commit, in: machine.ledger.opening) else { return }
        let index = Int.random(in: 0..<requests.count, using: &random)
        if machine.ledger.mayAcknowledge(requests[index].service) { requests[index].commit = commit }
    }

    private mutating func ship() {
        if case .cut(let commit) = machine.chain.changeset {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: if case .lost = machine.shipped(.fenced) { end(machine.lose()) }
            case 1:
                let newer = ChainPosition(seq: machine.chain.head.seq + 1, checksum: 1)
                if case .lost = machine.shipped(.diverged(head: newer)) { end(machine.lose()) }
            default:
                durable.formUnion(0...commit)
                _ = machine.shipped(.published)
            }
        } else if asked.isEmpty {
            if let order = machine.ask() { asked.append(order) }
        } else {
            let order = asked.removeFirst()
            let result: Result<CutResult, CutFailure>
            switch Int.random(in: 0..<20, using: &random) {
            case 0: result = .failure(CutFailure(remedy: .captureAll, description: "test"))
            case 1, 2: result = .failure(CutFailure(remedy: .tryAgain, description: "test"))
            case 3...6: result = .success(machine.ledger.isAllPublished ? .nothing(through: machine.ledger.lastCommit) : .cut(after: machine))
            default: result = .success(.cut(after: machine))
            }
            _ = machine.cut(result, asked: order)
        }
    }

    private mutating func loseHost() {
        let opening = machine.ledger.opening
        guard chance(30), opening > 0 else { return }
        machine.lost(opening)
        if chance(70) { _ = machine.hostLost(opening) }
        if machine.isServing { _ = machine.hostLost(opening) }
    }

    // MARK: Giving away

    private mutating func giveAway() {
        if isResuming {
            isResuming = false
            machine.resumed(database)
        }
        guard machine.isDraining else { return }
        if case .quiesced = machine.state {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: machine.leave()
            case 1: _ = machine.release()
            case 2: _ = machine.raise(to: machine.chain.epoch.next)
            case 3: machine.adopt(ChainPosition(seq: machine.chain.head.seq + 2, checksum: 3))
            default: isResuming = machine.resume() != nil
            }
            return
        }
        switch machine.quiesce(mayBeLeft: chance(10)) {
        case .open: open()
        case .serveOn: isResuming = machine.resume() != nil
        case .drain:
            if case .fold = machine.drained() { _ = machine.folded(chance(90) ? .folded : .mustCut) }
        case .waitForOpening, .waitForClosing, .waitForQuiet, .fold, .lookAgain, .isQuiesced, .refused: break
        }
    }

    private mutating func close() {
        if machine.closeIfIdle({ _ in Task {} }) != nil {
            if chance(20) { loseHost() }
            let outcomes: [Closing?] = [.clean, .dirty, nil]
            _ = machine.closed(database, outcomes[Int.random(in: 0..<3, using: &random)])
        }
    }
}
