import FleetModel

/// What both sides of the `duckdb` benchmark work on.
enum EventTable {
    static let schema = "CREATE TABLE events (id BIGINT, account INTEGER, kind VARCHAR, amount DOUBLE, body VARCHAR)"

    /// Rows that compress badly, the same wherever they are made.
    static func fill(_ ids: Range<Int>) -> String {
        """
        INSERT INTO events SELECT i, (hash(i) % 1000)::INTEGER, ['order', 'visit', 'payment', 'message'][1 + (hash(i + 7) % 4)::INTEGER], \
        (hash(i + 13) % 1000000)::DOUBLE / 100, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) || md5((i + 2)::VARCHAR) FROM range(\(ids.lowerBound), \(ids.upperBound)) t(i)
        """
    }

    static let analysis = """
        SELECT kind, account % 10 AS region, count(*), sum(amount), avg(amount), max(length(body)), approx_count_distinct(account) \
        FROM events WHERE amount > 100 GROUP BY kind, region ORDER BY kind, region
        """
    /// The same with texts only, to be compared.
    static let analysisAsText = """
        SELECT kind, (account % 10)::VARCHAR AS region, count(*)::VARCHAR, sum((amount * 100)::BIGINT)::VARCHAR, max(length(body))::VARCHAR \
        FROM events WHERE amount > 100 GROUP BY kind, region ORDER BY kind, region
        """
    static let content = """
        SELECT count(*)::VARCHAR, bit_xor(hash(id, account, kind, amount, body))::VARCHAR, sum(hash(id, amount, body)::HUGEINT)::VARCHAR FROM events
        """

    static let rowsPerInsert = 100
    static let insert = "INSERT INTO events VALUES " + Array(repeating: "(?, ?, ?, ?, ?)", count: rowsPerInsert).joined(separator: ", ")
}

/// Rows of which all values but the text follow from the id.
struct Events {
    let first: Int64
    let bodies: [[UInt8]]

    private static let kinds = ["order", "visit", "payment", "message"].map { Array($0.utf8) }

    init(first: Int64, count: Int) {
        self.first = first
        var random = SeededRandom(seed: UInt64(first))
        bodies = (0..<count).map { _ in (0..<12).flatMap { _ in Array(String(random.next(), radix: 16).utf8).prefix(8) } }
    }

    func id(_ index: Int) -> Int64 { first + Int64(index) }
    func account(_ index: Int) -> Int64 { id(index) % 1000 }
    func kind(_ index: Int) -> [UInt8] { Self.kinds[index % Self.kinds.count] }
    func amount(_ index: Int) -> Double { Double(id(index) % 100_000) / 4 }

    /// The insertion of the rows from `start` on.
    func insertion(from start: Int) -> PipelineBody.Statement {
        var arguments: [SQLValue] = []
        arguments.reserveCapacity(EventTable.rowsPerInsert * 5)
        for index in start..<(start + EventTable.rowsPerInsert) {
            arguments.append(.integer(id(index)))
            arguments.append(.integer(account(index)))
            arguments.append(.text(String(decoding: kind(index), as: UTF8.self)))
            arguments.append(.real(amount(index)))
            arguments.append(.text(String(decoding: bodies[index], as: UTF8.self)))
        }
        return PipelineBody.Statement(sql: EventTable.insert, arguments: arguments)
    }

    /// The same on the C API.
    func insert(from start: Int, with statement: RawDuckDBStatement) throws {
        var parameter = 1
        for index in start..<(start + EventTable.rowsPerInsert) {
            statement.bind(id(index), at: parameter)
            statement.bind(account(index), at: parameter + 1)
            kind(index).withUnsafeBytes { statement.bind($0, at: parameter + 2) }
            statement.bind(amount(index), at: parameter + 3)
            bodies[index].withUnsafeBytes { statement.bind($0, at: parameter + 4) }
            parameter += 5
        }
        try statement.run()
    }
}
