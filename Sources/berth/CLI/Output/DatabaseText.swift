import AdminAPI

/// Databases as people read them.
enum DatabaseText {
    static func list(_ databases: [DatabaseResource]) -> String {
        if databases.isEmpty { return "No databases." }
        return Table(
            [
                .init(title: "NAME"), .init(title: "STATE"), .init(title: "ENGINE"), .init(title: "DURABILITY"), .init(title: "LEADER"), .init(title: "PLACED ON"),
                .init(title: "EPOCH", isNumber: true), .init(title: "HEAD", isNumber: true),
                .init(title: "SHIP LAG", isNumber: true),
            ],
            rows: databases.map {
                [
                    $0.name, state($0), $0.engine, $0.durability, $0.leader ?? "-", $0.placedOn, String($0.epoch), String($0.head.seq),
                    lag($0.shipLagMs),
                ]
            }
        ).text
    }

    static func details(_ database: DatabaseResource) -> String {
        var lines = [
            ("name", database.name), ("state", state(database)), ("id", database.id), ("engine", database.engine),
            ("durability", database.durability), ("foreign keys", database.foreignKeys ? "on" : "off"), ("created", database.createdAt),
            ("placed on", database.placedOn),
            ("leader", database.leader.map { "\($0) at \(database.leaderAddress ?? "?")" } ?? "nobody"),
            ("epoch", String(database.epoch)), ("head", "\(database.head.seq)@\(database.head.checksum)"),
            ("ship lag", lag(database.shipLagMs)), ("verified", database.verified.map { "\($0.seq) at \($0.at)" } ?? "-"),
        ]
        if let state = database.unopenable { lines += unopenable(state, of: database) }
        if let state = database.quarantine { lines += quarantine(state) }
        return Table.details(lines)
    }

    /// A database that is served although what is published of it does not open is not simply serving.
    private static func state(_ database: DatabaseResource) -> String {
        database.unopenable != nil && database.state != "unopenable" ? "\(database.state), unopenable" : database.state
    }

    private static func unopenable(_ state: DatabaseResource.Unopenable, of database: DatabaseResource) -> [(String, String)] {
        let next =
            switch (database.state, state.opensSeq) {
            case ("serving", _): "its leader has it open: write to it, so that it publishes anew"
            case (_, let seq?): "berth db accept-older \(database.name) --seq \(seq) gives up what came after \(seq)"
            case (_, nil): "no older state that opens is known yet"
            }
        return [
            ("unopenable", "\(state.seq) since \(state.since)"), ("reason", "\(state.code): \(state.reason)"),
            ("opens", state.opensSeq.map(String.init) ?? "-"), ("next", next),
        ]
    }

    private static func quarantine(_ state: DatabaseResource.Quarantine) -> [(String, String)] {
        [
            ("quarantined", "until \(state.until)"), ("reason", state.reason),
            ("next", "find who sends that statement: it ends the process that runs the database's engine. It is opened again at its next request after that"),
        ]
    }

    /// Milliseconds in the unit that fits; “-” when unknown.
    static func lag(_ milliseconds: Int64?) -> String {
        guard let milliseconds else { return "-" }
        return switch milliseconds {
        case ..<1000: "\(milliseconds) ms"
        case ..<60_000: "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
        default: "\(milliseconds / 60_000) min"
        }
    }
}
