import EngineHost
import FleetModel

/// Giving the lease away: rules 7 to 9, and the last sentence of rule 4.
extension TenantMachine {
    /// - Returns: whether it is being drained now, by this call.
    mutating func beginDraining() -> Bool {
        guard case .leading(let files, .none) = state else { return false }
        state = .leading(files, .underWay)
        return true
    }

    /// What is not published by now is not waited for.
    ///
    /// - Returns: who has to be told.
    mutating func endDraining() -> (any HostedDatabase)? {
        guard case .leading(let files, .underWay) = state else { return nil }
        state = .leading(files, .over)
        if case .serving(let database) = files { return database }
        return nil
    }

    enum Quiesce {
        case waitForOpening(Task<Void, any Error>)
        case waitForClosing(Task<Void, Never>)
        /// Left by a process or a host that ended, and not even opened since.
        case open
        /// Lets what is under way finish; then ``drained()`` says how to go on.
        case drain(any HostedDatabase)
        case waitForQuiet
        /// Empties its log; then ``folded(_:)`` says how to go on.
        case fold(any HostedDatabase)
        /// Something happened meanwhile.
        case lookAgain
        case isQuiesced
        /// It was not published in time.
        case serveOn
        /// It is gone, or somebody else is about to give it up.
        case refused
    }

    /// - Parameter mayBeLeft: the files of a closed database may hold commits that nobody counted.
    mutating func quiesce(mayBeLeft: Bool) -> Quiesce {
        switch state {
        case .leading(.opening(let opening), _): return .waitForOpening(opening.task)
        case .leading(.closing(let task), _): return .waitForClosing(task)
        case .leading(.closed, let drain) where mayBeLeft || !ledger.isAllPublished || !chain.isAtHead: return drain == .over ? .serveOn : .open
        case .leading(.closed, _), .leading(.unopenable, _):
            ledger.stopAcknowledging()
            state = .quiesced(nil)
            return .isQuiesced
        case .leading(.serving, .over), .leading(.accepting, .over): return .serveOn
        case .leading(.serving(let database), _): return .drain(database)
        case .leading(.accepting, _): return .waitForQuiet
        case .quiesced, .releasing, .gone: return .refused
        }
    }

    /// What was under way in its host finished.
    func drained() -> Quiesce {
        guard case .leading(.serving(let database), .underWay) = state else { return .lookAgain }
        return isQuiet ? .fold(database) : .waitForQuiet
    }

    mutating func folded(_ folding: Folding) -> Quiesce {
        guard case .leading(.serving(let database), _) = state else { return .lookAgain }
        switch folding {
        case .mustCut: return .lookAgain
        // Its log may be one that nobody can replay.
        case .failed: return .serveOn
        case .folded:
            guard isQuiet else { return .lookAgain }
            ledger.stopAcknowledging()
            state = .quiesced(database)
            return .isQuiesced
        }
    }

    // MARK: Served on

    /// It is not given away after all.
    ///
    /// - Returns: who takes new work again; then ``resumed(_:)`` has to be told.
    mutating func resume() -> (any HostedDatabase)? {
        switch state {
        case .leading(let files, _):
            state = .leading(files, .none)
            switch files {
            case .serving(let database), .accepting(let database): return database
            case .closed, .opening, .closing, .unopenable: return nil
            }
        case .quiesced(nil):
            state = .leading(.closed, .none)
            return nil
        case .quiesced(let database?): return database
        case .releasing, .gone: return nil
        }
    }

    mutating func resumed(_ database: any HostedDatabase) {
        switch state {
        case .quiesced(_?):
            state = .leading(.serving(database), .none)
            ledger.serve(database, in: chain.epoch)
        case .quiesced(nil): state = .leading(.closed, .none)
        case .leading, .releasing, .gone: break
        }
    }

    // MARK: Given away

    /// The open files of a database that is about to change hands.
    var quiesced: (any HostedDatabase)? { if case .quiesced(let database) = state { database } else { nil } }

    /// A release was asked for, and its answer is not known.
    var isReleasing: Bool { if case .releasing = state { true } else { false } }

    /// Rule 8: the files are closed.
    ///
    /// - Returns: whether a release may be asked for. Not, when its host told of a commit while it closed them.
    mutating func release() -> Bool {
        guard case .quiesced = state, ledger.isAllPublished, chain.isAtHead else { return false }
        state = .releasing
        return true
    }

    /// Rule 4: how long this holder has been unable to serve.
    func unableToServe(at now: Duration) -> Duration { failingSince.map { now - $0 } ?? .zero }

    /// Rule 4, the last sentence: as ``release()``, if this holder has been unable to serve since `limit` or longer. What is committed here and
    /// not published is nothing that another node could serve instead, so the lease of that is kept.
    mutating func giveUp(after limit: Duration, at now: Duration) -> Bool {
        if case .leading(.closed, _) = state, unableToServe(at: now) >= limit, ledger.isAllPublished, chain.isAtHead {
            ledger.stopAcknowledging()
            state = .releasing
        }
        return isReleasing
    }

    /// Rule 9.
    ///
    /// - Returns: whose files have to say so.
    mutating func raise(to epoch: Epoch) -> (any HostedDatabase)? {
        chain.raise(to: epoch)
        return quiesced
    }

    /// The lease was the successor's for a while, and came back with a newer head: the next opening brings it here. The files are closed.
    mutating func adopt(_ newer: ChainPosition) {
        guard case .quiesced = state else { return }
        state = .quiesced(nil)
        chain.adopt(newer)
    }
}
