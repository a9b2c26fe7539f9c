import FleetModel

extension HostileSQL {
    /// Statements that are known to have ended, blocked or filled the process that ran them.
    static func known(_ engine: EngineKind) -> [(name: String, statement: Statement)] {
        func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
        let doubled = (1...29).map { "c\($0)(x) AS (SELECT a.x FROM c\($0 - 1) AS a, c\($0 - 1) AS b)" }.joined(separator: ", ")
        let texts: [(String, String)] =
            switch engine {
            case .sqlite:
                [
                    ("20,000 common table expressions", "with c0(x) as (select 1), \((1..<20_000).map { "c\($0) as (select x from c\($0 - 1) limit 1)" }.joined(separator: ", ")) select * from c19999"),
                    ("a search that cannot be interrupted", "select instr(zeroblob(3200000), zeroblob(1600000) || x'01')"),
                    ("replacing in megabytes", "select length(replace(hex(zeroblob(1000000)), '0', '00'))"),
                    ("trimming megabytes", "select trim(hex(zeroblob(2000000)), hex(zeroblob(1000)))"),
                    ("doubling common table expressions", "with c0(x) as (select 1), \(doubled) select count(*) from c29"),
                    ("sixty large values", "select \(repeated("zeroblob(33000000) || '', ", 59))1"),
                    ("sorting three million texts", "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) select printf('%04000d', i) as t from n order by t desc limit 1"),
                    ("explaining 65 columns and 64 terms", "explain select \(repeated("1, ", 64))1 \(repeated("union select \(repeated("2, ", 64))2 ", 63))"),
                    ("rows without end", "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"),
                ]
            case .duckdb:
                [
                    ("a stack that overflows", "select (repeat('[',20000)||repeat(']',20000))::json::variant"),
                    ("subqueries 9,000 deep", "\(repeated("select * from (", 9_000))select 1\(repeated(")", 9_000))"),
                    ("texts beside the limit", "select sum(length(repeat('x',2000000)||i)) from range(1000) r(i)"),
                    ("a list of 250 million", "select len(range(0, 250000000))"),
                    ("a width of two thousand million", "select printf('%2000000000d', 1)"),
                    ("a distance that takes minutes", "select levenshtein(repeat('a',90000), repeat('b',90000)||i) from range(3) r(i)"),
                    ("an expression tried in all ways", "select regexp_matches(repeat('a', 30000), '(a?){500}(a){500}b')"),
                    ("padding to two thousand million", "select length(rpad('a', 2000000000, 'b'))"),
                    ("doubling common table expressions", "with c0(x) as (select 1), \(doubled) select count(*) from c29"),
                    ("a file of the machine", "select * from read_text('/etc/passwd')"),
                ]
            }
        return texts.map { ($0.0, Statement(sql: $0.1)) }
    }
}
