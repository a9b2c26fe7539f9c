import BerthTestKit
import FleetModel

/// Statements made to do harm: what costs the most, nests the deepest, or reaches out. The same for the same seed.
struct HostileSQL {
    struct Statement: Sendable, Hashable {
        var sql: String
        /// With a token that can only read.
        var isReadOnly = true
    }

    let engine: EngineKind
    private var random: SeededGenerator

    init(_ engine: EngineKind, seed: UInt64) {
        self.engine = engine
        random = SeededGenerator(seed: seed)
    }

    mutating func next() -> Statement {
        if chance(8) { return Statement(sql: write(), isReadOnly: false) }
        var sql = "SELECT \(expression(3))"
        switch Int.random(in: 0..<8, using: &random) {
        case 0...2: break
        case 3: sql = query()
        case 4: sql = chain()
        case 5: sql = compound()
        case 6: sql = "SELECT \(expression(1)) FROM (\(query())) AS q"
        default: sql = reachingOut()
        }
        return Statement(sql: chance(10) ? "EXPLAIN \(chance(2) ? "QUERY PLAN " : "")\(sql)" : sql)
    }

    // MARK: Chance

    private mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

    private mutating func one(of texts: [String]) -> String { texts[Int.random(in: texts.indices, using: &random)] }

    /// Small most of the time, and now and then as large as `most`.
    private mutating func count(upTo most: Int) -> Int {
        var limit = most
        while limit > 4, !chance(3) { limit /= 4 }
        return Int.random(in: 1...max(1, limit), using: &random)
    }

    private func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    // MARK: Values

    /// Something scalar.
    private mutating func expression(_ depth: Int) -> String {
        if depth == 0 { return one(of: ["1", "'a'", "NULL", "1e308", "-9223372036854775808", "x'00'", "''"]) }
        switch Int.random(in: 0..<9, using: &random) {
        case 0:
            let depth = count(upTo: 30_000)
            return repeated("(", depth) + "1" + repeated(")", depth)
        case 1: return "1" + repeated(one(of: ["+1", "-1", "||1", " AND 1", " OR 0", " IS 1"]), count(upTo: 40_000))
        case 2: return repeated("CASE WHEN 1 THEN ", count(upTo: 2_000)) + "1" + repeated(" END", count(upTo: 2_000))
        case 3: return "1 IN (\(repeated("1,", count(upTo: 50_000)))1)"
        case 4: return matching()
        case 5: return large()
        case 6: return json()
        case 7: return "(\(query()))"
        default: return "length(\(expression(depth - 1))) + length(\(expression(depth - 1)))"
        }
    }

    /// Texts and blobs that are large, or take long.
    private mutating func large() -> String {
        let count = count(upTo: 400_000_000)
        switch engine {
        case .sqlite:
            return one(of: [
                "length(zeroblob(\(count)))", "hex(zeroblob(\(count / 4)))", "length(randomblob(\(count)))", "printf('%.*c', \(count), 'x')",
                "length(replace(hex(zeroblob(\(count / 64))), '0', '00000000'))", "instr(zeroblob(\(count / 32)), zeroblob(\(count / 64)) || x'01')",
                "trim(hex(zeroblob(\(count / 64))), '0')", "quote(zeroblob(\(count / 8)))", "printf('%\(count)d', 1)", "printf('%.\(count)f', 1.5)",
                "unicode(zeroblob(\(count)))", "upper(hex(zeroblob(\(count / 4))))", "\(repeated("zeroblob(\(count / 16)) || ", 12))''",
            ])
        case .duckdb:
            return one(of: [
                "length(repeat('x', \(count)))", "len(range(0, \(count)))", "levenshtein(repeat('a', \(count / 4_000)), repeat('b', \(count / 4_000)))",
                "rpad('a', \(count), 'b')", "printf('%\(count)d', 1)", "length(repeat('x', \(count / 200)) || repeat('y', \(count / 200)))",
                "list_sort(range(0, \(count / 16)))", "damerau_levenshtein(repeat('a', \(count / 4_000)), 'b')", "bit_length(repeat('é', \(count / 8)))",
                "list_transform(range(0, \(count / 32)), x -> x || repeat('x', 100))", "factorial(\(count % 200))", "replace(repeat('a', \(count / 64)), 'a', 'bbbbbbbb')",
            ])
        }
    }

    /// Patterns that are tried in very many ways.
    private mutating func matching() -> String {
        let stars = count(upTo: 2_000), length = count(upTo: 60_000)
        let text = engine == .sqlite ? "printf('%.*c', \(length), 'a')" : "repeat('a', \(length))"
        var forms = ["\(text) LIKE '\(repeated("%a", stars))%b'", "\(text) GLOB '\(repeated("*a", stars))*b'"]
        if engine == .duckdb {
            forms += [
                "regexp_matches(\(text), '\(repeated("(a?)", min(stars, 500)))\(repeated("a", min(stars, 500)))b')", "regexp_matches(\(text), '(a?){\(min(stars, 900))}(a){\(min(stars, 900))}b')",
                "regexp_replace(\(text), '(a*)*', '\\1\\1', 'g')", "\(text) SIMILAR TO '(a|aa)*b'",
            ]
        }
        return one(of: forms)
    }

    private mutating func json() -> String {
        let depth = count(upTo: 40_000)
        switch engine {
        case .sqlite:
            return one(of: [
                "json('\(repeated("[", depth))\(repeated("]", depth))')", "json_valid(printf('%.*c', \(depth), '['))",
                "json_extract('\(repeated("{\"a\":", depth))1\(repeated("}", depth))', '$\(repeated(".a", depth))')",
                "(SELECT count(*) FROM json_tree('[\(repeated("[1,2],", depth))3]'))", "json_array(\(repeated("1,", count(upTo: 120)))1)",
                "json_patch('\(repeated("{\"a\":", depth))1\(repeated("}", depth))', '{}')",
            ])
        case .duckdb:
            return one(of: [
                "(repeat('[', \(depth)) || repeat(']', \(depth)))::json", "(repeat('[', \(depth)) || repeat(']', \(depth)))::json::variant",
                "json_extract(repeat('{\"a\":', \(depth)) || '1' || repeat('}', \(depth)), '$\(repeated(".a", min(depth, 4_000)))')",
                "json_structure((repeat('[', \(depth)) || repeat(']', \(depth)))::json)", "to_json(range(0, \(depth * 100)))",
            ])
        }
    }

    // MARK: Queries

    /// Rows without end, or nearly.
    private mutating func query() -> String {
        let most = chance(3) ? "" : " WHERE i < \(count(upTo: 20_000_000))"
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n\(most))"
        let text = engine == .sqlite ? "printf('%0400d', i)" : "repeat('x', 400) || i"
        let concat = engine == .sqlite ? "length(group_concat(\(text)))" : "length(string_agg(\(text), ','))"
        let answer = one(of: [
            "count(*)", "sum(i)", concat, "count(DISTINCT \(text))", "max(\(text))",
            "(SELECT count(*) FROM n AS a, n AS b, n AS c)",
        ])
        return one(of: [
            "\(rows) SELECT \(answer) FROM n", "\(rows) SELECT \(text) AS t FROM n ORDER BY t DESC LIMIT 1 OFFSET \(count(upTo: 1_000_000))",
            "\(rows) SELECT sum(i) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS s FROM n LIMIT 1",
            "\(rows) SELECT count(*) FROM n AS a JOIN n AS b ON a.i <> b.i", nested(),
            "SELECT count(*) FROM (VALUES \(repeated("(1),", count(upTo: 3_000)))(1)) AS a, (VALUES \(repeated("(1),", count(upTo: 3_000)))(1)) AS b, (VALUES (1), (2)) AS c",
        ])
    }

    private mutating func nested() -> String {
        let depth = count(upTo: 5_000)
        return repeated("SELECT * FROM (", depth) + "SELECT 1 AS x" + (0..<depth).map { ") AS q\($0)" }.joined()
    }

    /// Each names the one before, once or twice.
    private mutating func chain() -> String {
        let doubles = chance(2)
        let links = doubles ? count(upTo: 40) : count(upTo: 4_000)
        let steps = (1...links).map { link in
            doubles ? "c\(link)(x) AS (SELECT a.x FROM c\(link - 1) AS a, c\(link - 1) AS b)" : "c\(link)(x) AS (SELECT x FROM c\(link - 1) LIMIT 1)"
        }
        return "WITH c0(x) AS (SELECT 1 UNION ALL SELECT 2), \(steps.joined(separator: ", ")) SELECT count(*) FROM c\(links)"
    }

    private mutating func compound() -> String {
        if chance(2) { return "SELECT \(repeated("1, ", count(upTo: 4_000)))1" }
        return "SELECT 1" + repeated(one(of: [" UNION ALL SELECT 1", " UNION SELECT 2", " EXCEPT SELECT 3"]), count(upTo: 3_000))
    }

    /// What is not the database's.
    private mutating func reachingOut() -> String {
        switch engine {
        case .sqlite:
            return one(of: [
                "ATTACH '/etc/passwd' AS p", "ATTACH ':memory:' AS m", "VACUUM INTO '/tmp/berth-hostile'", "SELECT load_extension('libc.so.6')", "PRAGMA journal_mode = DELETE",
                "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA writable_schema = ON", "PRAGMA mmap_size = 1099511627776", "PRAGMA cache_size = 2147483647",
                "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA temp_store_directory = '/tmp'", "SELECT readfile('/etc/passwd')", "SELECT * FROM sqlite_dbpage", "PRAGMA integrity_check",
            ])
        case .duckdb:
            return one(of: [
                "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/proc/self/environ')", "ATTACH '/tmp/berth-hostile.db' AS p", "INSTALL httpfs", "LOAD httpfs",
                "COPY (SELECT 1) TO '/tmp/berth-hostile.csv'", "SET threads = 64", "SET memory_limit = '64GB'", "SET temp_directory = '/tmp'", "SET enable_external_access = true",
                "SELECT * FROM glob('/etc/*')", "EXPORT DATABASE '/tmp/berth-hostile'", "PRAGMA enable_profiling = 'json'", "SELECT getenv('HOME')", "CALL pragma_platform()", "CHECKPOINT",
            ])
        }
    }

    // MARK: Writes, which leave the table `kept` alone

    private mutating func write() -> String {
        let name = "h\(Int.random(in: 0..<1_000_000, using: &random))"
        return one(of: [
            "CREATE TABLE \(name) (\((0..<count(upTo: 1_800)).map { "c\($0) INTEGER" }.joined(separator: ", ")))",
            "CREATE TABLE \(name) AS \(query())", "CREATE VIEW \(name) AS \(chain())", "CREATE TEMP TABLE \(name) AS SELECT \(large()) AS x",
            "CREATE TABLE IF NOT EXISTS h (x)\(engine == .duckdb ? "" : "")", "BEGIN; SELECT 1", "SAVEPOINT s", "CREATE INDEX \(name) ON kept (\(expression(1)))",
            "UPDATE kept SET v = v WHERE \(expression(2)) IS NULL", "WITH d AS (SELECT 1) DELETE FROM kept WHERE 1 = 0 AND \(expression(1)) IS NULL",
        ])
    }
}
