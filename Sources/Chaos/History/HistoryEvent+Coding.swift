/// One flat JSON object per event, so that a history is read with `grep` and `jq`; `at` is in microseconds.
extension HistoryEvent: Codable {
    private enum Name: String, Codable {
        case database, started, finished, lease, session, ended, healed, served, contents, compared
    }

    private enum Key: String, CodingKey {
        case event, at, id, client, database, through, work, number, token, from, to, amount, interactive, load, cursor
        case outcome, code, tallies, total, engine, durability, accounts, balance, epoch, session, node, reason
        case appends, transfers, balances, seq, head, difference, held, repeatable
    }

    private enum WorkName: String, Codable { case append, transfer, read }
    private enum OutcomeName: String, Codable { case acknowledged, observed, refused, unknown }

    public func encode(to encoder: any Encoder) throws {
        var line = encoder.container(keyedBy: Key.self)
        switch self {
        case .database(let database):
            try line.encode(Name.database, forKey: .event)
            try line.encode(database.name, forKey: .database)
            try line.encode(database.engine, forKey: .engine)
            try line.encode(database.durability, forKey: .durability)
            try line.encode(database.accounts, forKey: .accounts)
            try line.encode(database.balance, forKey: .balance)
        case .started(let start):
            try line.encode(Name.started, forKey: .event)
            try line.encode(start.at, forKey: .at)
            try line.encode(start.id, forKey: .id)
            try line.encode(start.client, forKey: .client)
            try line.encode(start.database, forKey: .database)
            try line.encode(start.through, forKey: .through)
            try Self.encode(start.work, to: &line)
        case .finished(let finish):
            try line.encode(Name.finished, forKey: .event)
            try line.encode(finish.at, forKey: .at)
            try line.encode(finish.id, forKey: .id)
            try Self.encode(finish.outcome, to: &line)
        case .leaseChanged(let change):
            try line.encode(Name.lease, forKey: .event)
            try line.encode(change.at, forKey: .at)
            try line.encode(change.database, forKey: .database)
            try line.encode(change.epoch, forKey: .epoch)
            try line.encodeIfPresent(change.session, forKey: .session)
        case .sessionOpened(let opening):
            try line.encode(Name.session, forKey: .event)
            try line.encode(opening.at, forKey: .at)
            try line.encode(opening.session, forKey: .session)
            try line.encode(opening.node, forKey: .node)
        case .sessionEnded(let end):
            try line.encode(Name.ended, forKey: .event)
            try line.encode(end.at, forKey: .at)
            try line.encode(end.session, forKey: .session)
            try line.encode(end.reason, forKey: .reason)
        case .healed(let moment):
            try line.encode(Name.healed, forKey: .event)
            try line.encode(moment, forKey: .at)
        case .served(let served):
            try line.encode(Name.served, forKey: .event)
            try line.encode(served.at, forKey: .at)
            try line.encode(served.database, forKey: .database)
            try line.encodeIfPresent(served.through, forKey: .through)
        case .contents(let contents):
            try line.encode(Name.contents, forKey: .event)
            try line.encode(contents.at, forKey: .at)
            try line.encode(contents.database, forKey: .database)
            try line.encode(contents.appends, forKey: .appends)
            try line.encode(contents.transfers, forKey: .transfers)
            try line.encode(contents.balances, forKey: .balances)
        case .compared(let comparison):
            try line.encode(Name.compared, forKey: .event)
            try line.encode(comparison.database, forKey: .database)
            try line.encode(comparison.node, forKey: .node)
            try line.encode(comparison.seq, forKey: .seq)
            try line.encode(comparison.isHead, forKey: .head)
            try line.encodeIfPresent(comparison.difference, forKey: .difference)
        }
    }

    public init(from decoder: any Decoder) throws {
        let line = try decoder.container(keyedBy: Key.self)
        switch try line.decode(Name.self, forKey: .event) {
        case .database:
            self = .database(
                TestedDatabase(
                    name: try line.decode(String.self, forKey: .database),
                    // Absent in histories of before there was a second engine.
                    engine: try line.decodeIfPresent(String.self, forKey: .engine) ?? "sqlite",
                    durability: try line.decode(String.self, forKey: .durability),
                    accounts: try line.decode(Int.self, forKey: .accounts),
                    balance: try line.decode(Int64.self, forKey: .balance)))
        case .started:
            self = .started(
                RequestStart(
                    id: try line.decode(Int.self, forKey: .id), client: try line.decode(Int.self, forKey: .client),
                    database: try line.decode(String.self, forKey: .database),
                    through: try line.decode(String.self, forKey: .through),
                    at: try line.decode(Moment.self, forKey: .at), work: try Self.work(from: line)))
        case .finished:
            self = .finished(
                RequestFinish(
                    id: try line.decode(Int.self, forKey: .id), at: try line.decode(Moment.self, forKey: .at),
                    outcome: try Self.outcome(from: line)))
        case .lease:
            self = .leaseChanged(
                LeaseChange(
                    database: try line.decode(String.self, forKey: .database),
                    epoch: try line.decode(Int64.self, forKey: .epoch),
                    session: try line.decodeIfPresent(String.self, forKey: .session),
                    at: try line.decode(Moment.self, forKey: .at)))
        case .session:
            self = .sessionOpened(
                SessionOpening(
                    session: try line.decode(String.self, forKey: .session), node: try line.decode(String.self, forKey: .node),
                    at: try line.decode(Moment.self, forKey: .at)))
        case .ended:
            self = .sessionEnded(
                SessionEnd(
                    session: try line.decode(String.self, forKey: .session),
                    reason: try line.decode(String.self, forKey: .reason), at: try line.decode(Moment.self, forKey: .at)))
        case .healed:
            self = .healed(try line.decode(Moment.self, forKey: .at))
        case .served:
            self = .served(
                Served(
                    database: try line.decode(String.self, forKey: .database),
                    through: try line.decodeIfPresent(String.self, forKey: .through),
                    at: try line.decode(Moment.self, forKey: .at)))
        case .contents:
            self = .contents(
                Contents(
                    database: try line.decode(String.self, forKey: .database), at: try line.decode(Moment.self, forKey: .at),
                    appends: try line.decode([Contents.Row].self, forKey: .appends),
                    transfers: try line.decode([Contents.Row].self, forKey: .transfers),
                    balances: try line.decode([Int64].self, forKey: .balances)))
        case .compared:
            self = .compared(
                Comparison(
                    database: try line.decode(String.self, forKey: .database), node: try line.decode(String.self, forKey: .node),
                    seq: try line.decode(Int64.self, forKey: .seq), isHead: try line.decode(Bool.self, forKey: .head),
                    difference: try line.decodeIfPresent(String.self, forKey: .difference)))
        }
    }

    private static func encode(_ work: Work, to line: inout KeyedEncodingContainer<Key>) throws {
        switch work {
        case .read(let isCursor, let isHeld):
            try line.encode(WorkName.read, forKey: .work)
            if isHeld { try line.encode(true, forKey: .held) }
            if isCursor { try line.encode(true, forKey: .cursor) }
        case .append(let write, let isLoad):
            try line.encode(WorkName.append, forKey: .work)
            try line.encode(write.number, forKey: .number)
            try line.encode(write.token, forKey: .token)
            if isLoad { try line.encode(true, forKey: .load) }
        case .transfer(let write, let transfer, let isInteractive):
            try line.encode(WorkName.transfer, forKey: .work)
            try line.encode(write.number, forKey: .number)
            try line.encode(write.token, forKey: .token)
            try line.encode(transfer.from, forKey: .from)
            try line.encode(transfer.to, forKey: .to)
            try line.encode(transfer.amount, forKey: .amount)
            try line.encode(isInteractive, forKey: .interactive)
        }
    }

    private static func work(from line: KeyedDecodingContainer<Key>) throws -> Work {
        func write(_ ledger: Ledger) throws -> Write {
            Write(
                ledger: ledger, client: try line.decode(Int.self, forKey: .client),
                number: try line.decode(Int.self, forKey: .number), token: try line.decode(String.self, forKey: .token))
        }
        switch try line.decode(WorkName.self, forKey: .work) {
        case .read:
            return .read(
                isCursor: try line.decodeIfPresent(Bool.self, forKey: .cursor) ?? false,
                isHeld: try line.decodeIfPresent(Bool.self, forKey: .held) ?? false)
        case .append: return .append(try write(.appends), isLoad: try line.decodeIfPresent(Bool.self, forKey: .load) ?? false)
        case .transfer:
            let transfer = Transfer(
                from: try line.decode(Int.self, forKey: .from), to: try line.decode(Int.self, forKey: .to),
                amount: try line.decode(Int64.self, forKey: .amount))
            return .transfer(try write(.transfers), transfer, isInteractive: try line.decode(Bool.self, forKey: .interactive))
        }
    }

    private static func encode(_ outcome: Outcome, to line: inout KeyedEncodingContainer<Key>) throws {
        switch outcome {
        case .acknowledged:
            try line.encode(OutcomeName.acknowledged, forKey: .outcome)
        case .observed(let observation):
            try line.encode(OutcomeName.observed, forKey: .outcome)
            try line.encode(observation.tallies, forKey: .tallies)
            try line.encode(observation.total, forKey: .total)
            if !observation.isRepeatable { try line.encode(false, forKey: .repeatable) }
        case .refused(let code):
            try line.encode(OutcomeName.refused, forKey: .outcome)
            try line.encode(code, forKey: .code)
        case .unknown(let code):
            try line.encode(OutcomeName.unknown, forKey: .outcome)
            try line.encode(code, forKey: .code)
        }
    }

    private static func outcome(from line: KeyedDecodingContainer<Key>) throws -> Outcome {
        switch try line.decode(OutcomeName.self, forKey: .outcome) {
        case .acknowledged: .acknowledged
        case .observed:
            .observed(
                Observation(
                    tallies: try line.decode([Observation.Tally].self, forKey: .tallies),
                    total: try line.decode(Int64.self, forKey: .total),
                    isRepeatable: try line.decodeIfPresent(Bool.self, forKey: .repeatable) ?? true))
        case .refused: .refused(try line.decode(String.self, forKey: .code))
        case .unknown: .unknown(try line.decode(String.self, forKey: .code))
        }
    }
}
