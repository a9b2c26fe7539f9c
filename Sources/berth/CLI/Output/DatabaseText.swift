import AdminAPI

/// Databases as people read them.
enum DatabaseText {
    static func list(_ databases: [DatabaseResource]) -> String {
        if databases.isEmpty { return "No databases." }
        return Table(
            [
                .init(title: "NAME"), .init(title: "ENGINE"), .init(title: "DURABILITY"), .init(title: "LEADER"), .init(title: "PLACED ON"),
                .init(title: "EPOCH", isNumber: true), .init(title: "HEAD", isNumber: true),
                .init(title: "SHIP LAG", isNumber: true),
            ],
            rows: databases.map {
                [
                    $0.name, $0.engine, $0.durability, $0.leader ?? "-", $0.placedOn, String($0.epoch), String($0.head.seq),
                    lag($0.shipLagMs),
                ]
            }
        ).text
    }

    static func details(_ database: DatabaseResource) -> String {
        Table.details([
            ("name", database.name), ("id", database.id), ("engine", database.engine),
            ("durability", database.durability), ("created", database.createdAt), ("placed on", database.placedOn),
            ("leader", database.leader.map { "\($0) at \(database.leaderAddress ?? "?")" } ?? "nobody"),
            ("epoch", String(database.epoch)), ("head", "\(database.head.seq)@\(database.head.checksum)"),
            ("ship lag", lag(database.shipLagMs)),
        ])
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
