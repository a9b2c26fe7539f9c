import AdminAPI

/// The settings of a fleet as people read them.
enum FleetText {
    static func details(_ fleet: FleetResource) -> String {
        let others = fleet.sessionsOfAnotherTtl
        return Table.details([
            ("lease-ttl-ms", String(fleet.leaseTtlMs) + (others == 0 ? "" : " (\(others) live sessions keep another until they restart)")),
            ("write-format", String(fleet.writeFormat)),
            ("readable by all nodes", fleet.readableFormat.map { "formats up to \($0)" } ?? "no node lives"),
        ])
    }
}
