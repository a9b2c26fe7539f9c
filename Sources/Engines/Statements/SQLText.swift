import FleetModel

/// SQL compared byte by byte.
struct SQLText: Hashable {
    let sql: String

    static func == (left: Self, right: Self) -> Bool { left.sql.hasSameBytes(as: right.sql) }

    func hash(into hasher: inout Hasher) {
        var sql = sql
        sql.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
