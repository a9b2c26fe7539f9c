import Engines
import FleetModel
import Hrana
import Logging

extension OpenDatabase {
    /// The stream a baton names, or a new one without a baton; `nil` when the baton is no longer good.
    ///
    /// The baton of a stream that holds nothing is always good for a new one, unless it was used before.
    ///
    /// - Throws: `not_leader` while draining, unless the stream has a transaction to finish; `too_many_requests`.
    func stream(_ baton: String?, _ access: AccessRights) throws(BerthError) -> HranaStream? {
        guard let baton else { return try newStream(access, isKept: true) }
        if let decoded = try? Baton(decoding: baton, tag: host.batonTag), decoded.database == opening.database, decoded.epoch == epoch,
            decoded.tokenDigest == access.tokenDigest,
            let stream = streams[decoded.streamID] ?? restingStreams[decoded.streamID], stream.access == access
        {
            guard stream.sequence == decoded.sequence, stream.isWaitingForClient else { return nil }
            return try goOn(with: stream)
        }
        guard let resting = try? Baton(resting: baton), resting.database == opening.database, let counters = resting.counters else { return nil }
        return try newStream(access, isKept: true, counters)
    }

    private func goOn(with stream: HranaStream) throws(BerthError) -> HranaStream? {
        // Whoever sends the next request reads no more of the last one's answer.
        if let cursor = stream.cursor { cutOff(cursor) }
        if isDraining && !stream.hasOpenTransaction {
            // The successor can go on with nothing as well.
            if !stream.holdsSomething { throw notLeader }
            close(stream)
            return nil
        }
        if streams[stream.id] == nil {
            try makeRoomForStream()
            restingStreams.remove(stream.id)
            streams[stream.id] = stream
        }
        return stream
    }

    func newStream(
        _ access: AccessRights, isKept: Bool, _ counters: SessionCounters = SessionCounters()
    ) throws(BerthError) -> HranaStream {
        if isDraining { throw notLeader }
        try makeRoomForStream()
        let stream = HranaStream(id: nextStreamID, access: access, isKept: isKept, counters: counters, now: host.clock.now())
        nextStreamID += 1
        streams[stream.id] = stream
        if !isKept { stream.isBusy = true }
        return stream
    }

    private func makeRoomForStream() throws(BerthError) {
        guard streams.count < host.settings.maximumStreams else {
            throw BerthError(
                .tooManyRequests,
                "“\(opening.name)” has \(streams.count) open streams, the most allowed. Close some, or wait for them to expire.")
        }
    }

    /// Ends a request of a kept stream.
    ///
    /// - Returns: the baton for the next one; `nil` when the stream was closed.
    func finish(_ stream: HranaStream, isClosed: Bool) -> String? {
        stream.isBusy = false
        guard !isClosed, !stream.isClosed else {
            close(stream)
            return nil
        }
        let baton = nextBaton(of: stream)
        waitForClient(stream)
        return baton
    }

    /// Between two requests.
    func waitForClient(_ stream: HranaStream) {
        stream.lastUse = host.clock.now()
        if stream.holdsSomething {
            host.attention.insert(self)
            if stream.isWaitingForClient { noteSnapshot(of: stream) }
        } else {
            streams[stream.id] = nil
            restingStreams.insert(stream, atMost: host.settings.maximumRestingStreams)
        }
    }

    /// The baton for the next request of `stream`; it makes the one before worthless.
    func nextBaton(of stream: HranaStream) -> String {
        stream.sequence += 1
        return Baton(
            streamID: stream.id, sequence: stream.sequence, database: opening.database, epoch: epoch,
            tokenDigest: stream.access.tokenDigest, counters: stream.holdsSomething ? nil : stream.counters
        ).encoded(tag: host.batonTag)
    }

    /// Ends a request of which nothing was executed: it may come again with the same baton, or with none.
    func undo(_ stream: HranaStream, isNew: Bool) {
        stream.isBusy = false
        if isNew { close(stream) } else if !stream.isClosed { waitForClient(stream) }
    }

    /// Rolls an open transaction back and forgets the stream.
    func close(_ stream: HranaStream) {
        stream.isClosed = true
        streams[stream.id] = nil
        restingStreams.remove(stream.id)
        if let cursor = stream.cursor { cutOff(cursor) }
        if let connection = stream.connection {
            stream.connection = nil
            giveBack(connection)
        }
        endTurn(of: stream)
    }

    /// A connection for the next statement: the stream's own while a transaction is open, else any idle one.
    func connection(for stream: HranaStream) throws(SQLError) -> any EngineConnection {
        if let connection = stream.connection { return connection }
        guard case .open(let database) = state else {
            throw SQLError(code: "STREAM_EXPIRED", message: "The database is not served here any more.")
        }
        try makeRoomForConnection(to: database)
        do throws(SQLError) {
            let connection = try database.takeConnection()
            countFiles(of: database)
            connection.counters = stream.counters
            stream.connection = connection
            return connection
        } catch {
            countFiles(of: database)
            if error.blamesFiles { owner.filesDoNotOpen() }
            throw error
        }
    }

    /// After a statement: outside a transaction the turn to write is anybody's again, and so is the connection, unless the
    /// client left something on it for its next statements. Inside one the turn is kept only with the engine's lock: a transaction
    /// that was refused its first write holds nobody up.
    func settle(_ stream: HranaStream) {
        // Its rows are read from the connection.
        if stream.cursor?.rows != nil { return }
        if let connection = stream.connection {
            guard connection.isAutocommit else {
                if !connection.holdsWriteLock { endTurn(of: stream) }
                return
            }
            stream.snapshotSince = nil
            if !connection.hasSessionState || stream.isClosed {
                stream.connection = nil
                stream.counters = connection.counters
                giveBack(connection)
            }
        }
        endTurn(of: stream)
    }

    func endTurn(of stream: HranaStream) {
        guard turn.owner == stream.id else { return }
        turn.release(stream.id)
    }

    private func giveBack(_ connection: any EngineConnection) {
        guard case .open(let database) = state else { return }
        database.giveBack(connection)
        countFiles(of: database)
    }
}
