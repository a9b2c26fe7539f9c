import EngineHost
import Engines
import FleetModel
import Replication

/// Changesets.
extension TenantMachine {
    struct Asked: Sendable {
        let database: any HostedDatabase
        let order: CutOrder
        let life: UInt64
    }

    /// - Returns: `nil` when there is nothing to ask, or one is under way.
    mutating func ask() -> Asked? {
        guard let shippable, chain.changeset == .none else { return nil }
        return Asked(database: shippable, order: chain.ask(), life: ledger.life)
    }

    private var shippable: (any HostedDatabase)? {
        switch state {
        case .leading(.serving(let database), _), .leading(.accepting(let database), _): database
        case .leading(.opening(let opening), _): opening.catchingUp
        // Nothing is left to cut when quiesced: that was waited for.
        case .leading(.closed, _), .leading(.closing, _), .leading(.unopenable, _), .quiesced, .releasing, .gone: nil
        }
    }

    enum CutStep {
        /// Given up meanwhile, or opened again at what is published: what was cut is not a part of it any more.
        case outdated
        case nothing
        /// - Parameters:
        ///   - chain: as it is now, with the changeset as its tip.
        ///   - isMore: something was committed since.
        case ship(Cut, chain: TenantChain, isMore: Bool)
        case tryAgain(CutFailure, failures: Int)
        /// What was committed cannot be read back: the published state is the last that can be trusted.
        case letGo(any HostedDatabase, CutFailure)
    }

    /// What came of what was asked.
    mutating func cut(_ result: Result<CutResult, CutFailure>, asked: Asked) -> CutStep {
        guard !isGone, ledger.life == asked.life, chain.changeset == .asked else { return .outdated }
        switch result {
        case .success(.nothing(let commit)):
            chain.foundNothing()
            // Everything up to here was rolled back or changed nothing.
            ledger.published(through: commit)
            return .nothing
        case .success(.cut(let cut)):
            chain.cut(to: cut.position, containing: cut.commit)
            return .ship(cut, chain: chain, isMore: ledger.lastCommit > cut.commit)
        case .failure(let failure):
            let failures = chain.captureFailed()
            guard failure.remedy == .captureAll, let former = returnToHead() else { return .tryAgain(failure, failures: failures) }
            return .letGo(former, failure)
        }
    }

    enum ShippedStep {
        /// Nothing was under way: it is told twice, or what was cut was given up.
        case outdated
        /// - Parameters:
        ///   - isMore: something is not published yet.
        ///   - accepted: an older state, which is the head now and served from here on.
        case published(isMore: Bool, accepted: (any HostedDatabase)?)
        case lost(reason: String)
        case letGo(any HostedDatabase)
    }

    mutating func shipped(_ outcome: ShipOutcome) -> ShippedStep {
        guard case .cut(let commit) = chain.changeset else { return .outdated }
        switch outcome {
        case .published:
            chain.published()
            ledger.published(through: commit)
            guard case .leading(.accepting(let database), _) = state else { return .published(isMore: !ledger.isAllPublished, accepted: nil) }
            serve(database)
            return .published(isMore: !ledger.isAllPublished, accepted: database)
        case .fenced:
            chain.refused()
            return .lost(reason: "another session holds it")
        case .diverged(let head):
            chain.refused()
            // A host that ended left files of which a part will never be published.
            return returnToHead(at: head).map { .letGo($0) } ?? .lost(reason: "diverged")
        }
    }

    /// What the bucket has does not open.
    ///
    /// - Returns: whether the next changeset has everything.
    mutating func publishAnew() -> Bool {
        guard isServing else { return false }
        chain.publishAnew()
        return true
    }
}
