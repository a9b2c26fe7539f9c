/// Compares what a query answers on two databases, row by row.
struct TableComparison {
    let sql: String

    init(of sql: String) { self.sql = sql }

    /// - Throws: `WorkLost` naming the first row that differs, or damage to the second database.
    func expectEqual(_ expected: RawSQLite, _ found: RawSQLite) throws {
        let health = try found.rows("PRAGMA integrity_check")
        guard health == [["ok"]] else { throw WorkLost("the restored file is damaged: \(health)") }
        let left = try expected.prepare(sql)
        let right = try found.prepare(sql)
        var count = 0
        while true {
            let (hasLeft, hasRight) = (try left.step(), try right.step())
            guard hasLeft == hasRight else {
                throw WorkLost("the restored table \(hasLeft ? "ends after" : "goes on after") \(count) rows")
            }
            guard hasLeft else { return }
            let (one, other) = (left.texts, right.texts)
            guard one == other else { throw WorkLost("row \(count) is \(other) and should be \(one)") }
            count += 1
        }
    }
}
