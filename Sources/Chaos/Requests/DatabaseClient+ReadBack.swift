extension DatabaseClient {
    /// Everything in a database, read by one request and so of one moment; for databases that are not large.
    ///
    /// - Returns: `nil` when it was not answered.
    public func contents(_ database: TestedDatabase, at moment: Moment) async -> Contents? {
        let rows = { (ledger: Ledger) in
            HranaRequest.execute("SELECT client, number, token FROM \(ledger.rawValue) ORDER BY rowid")
        }
        do throws(CallFailure) {
            let reply = try await pipeline([
                .execute("BEGIN"), .execute("SELECT balance FROM accounts ORDER BY id"), rows(.appends), rows(.transfers),
                .execute("COMMIT"), .close,
            ])
            for index in 0...4 { _ = try Self.result(index, of: reply) }
            let balances = try Self.result(1, of: reply).rows ?? []
            return Contents(
                database: database.name, at: moment, appends: Self.rows(try Self.result(2, of: reply)),
                transfers: Self.rows(try Self.result(3, of: reply)),
                balances: balances.compactMap { $0.first?.text.flatMap { Int64($0) } })
        } catch {
            return nil
        }
    }

    private static func rows(_ result: PipelineReply.Result) -> [Contents.Row] {
        (result.rows ?? []).compactMap { row in
            let cells = row.compactMap(\.text)
            guard cells.count == 3, let client = Int(cells[0]), let number = Int(cells[1]) else { return nil }
            return Contents.Row(client: client, number: number, token: cells[2])
        }
    }
}
