import AdminAPI

/// Tokens as people read them.
enum TokenText {
    static func list(_ tokens: [TokenResource]) -> String {
        if tokens.isEmpty { return "No tokens." }
        return Table(
            [
                .init(title: "ID"), .init(title: "NAME"), .init(title: "SCOPE"), .init(title: "DATABASE"),
                .init(title: "CREATED"), .init(title: "EXPIRES"), .init(title: "REVOKED"),
            ],
            rows: tokens.map {
                [$0.id, $0.name, $0.scope, $0.database ?? "all", $0.createdAt, $0.expiresAt ?? "never", $0.revokedAt ?? "-"]
            }
        ).text
    }

    static func created(_ token: NewTokenResource) -> String {
        Table.details([
            ("id", token.token.id), ("name", token.token.name), ("scope", token.token.scope),
            ("database", token.token.database ?? "all"), ("expires", token.token.expiresAt ?? "never"),
            ("secret", token.secret),
        ]) + "\n\nKeep the secret now: it is shown this once."
    }
}
