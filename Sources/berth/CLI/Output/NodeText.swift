import AdminAPI

/// Nodes as people read them.
enum NodeText {
    static func list(_ nodes: [NodeResource]) -> String {
        if nodes.isEmpty { return "No nodes." }
        return Table(
            [
                .init(title: "NAME"), .init(title: "STATE"), .init(title: "ALIVE"), .init(title: "ENGINES"), .init(title: "VERSION"), .init(title: "ADDRESS"),
                .init(title: "LEADING", isNumber: true), .init(title: "PLACED", isNumber: true), .init(title: "UP SINCE"),
            ],
            rows: nodes.map {
                [
                    $0.name, $0.state, $0.alive ? "yes" : "no", $0.engines.joined(separator: ","), $0.version.map { $0.isEmpty ? "?" : $0 } ?? "-", $0.address,
                    String($0.leading), String($0.placed),
                    $0.startedAt ?? "-",
                ]
            }
        ).text
    }

    private static func program(of node: NodeResource) -> String {
        guard let version = node.version, let number = node.protocolVersion, let format = node.formatVersion else { return "-" }
        return "\(version.isEmpty ? "unknown" : version), protocol \(number), formats up to \(format)"
    }

    static func details(_ node: NodeResource) -> String {
        Table.details([
            ("name", node.name), ("address", node.address), ("state", node.state), ("engines", node.engines.joined(separator: ", ")),
            ("session", node.session.map { "\($0) since \(node.startedAt ?? "?")" } ?? "none: not alive"),
            ("program", program(of: node)),
            ("leading", String(node.leading)), ("placed", String(node.placed)),
        ])
    }
}
