public import FleetModel

/// Rows whose words this program knows.
///
/// During an upgrade a newer program writes words that an older one has never heard of. Those rows are not the older one's
/// business, and must not keep it from the others: a manager that could not read one database would fail over none. So
/// statements that are about many rows leave them out, and a statement that is about one says `schema_mismatch`.
enum KnownWords {
    /// A condition on `databases d`.
    static let ofDatabase = "d.engine = any(\(array(EngineKind.self))) and d.durability = any(\(array(Durability.self)))"

    /// A condition on `operations o`.
    static let ofOperation = "o.kind = any(\(array(OperationKind.self))) and o.state = any(\(array(OperationState.self)))"

    /// A literal; the words are this program's own and hold no quotes.
    private static func array<Word: CaseIterable & RawRepresentable>(_: Word.Type) -> String where Word.RawValue == String {
        let words = Word.allCases.map(\.rawValue)
        invariant(words.allSatisfy { $0.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } }, "a word is of letters")
        return "'{\(words.joined(separator: ","))}'::text[]"
    }
}

extension FleetCatalogue {
    /// How many databases are of an engine or a durability that this program does not know, and so are left to newer ones.
    public func databasesOfUnknownKind() async throws(BerthError) -> Int64 {
        let rows = try await run("select count(*) as unknown from databases d where not (\(KnownWords.ofDatabase))")
        return try value { try rows[0].int64("unknown") }
    }
}
