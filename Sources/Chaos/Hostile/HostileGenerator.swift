public import FleetModel

/// Hostile statements without an end: the same ones for the same seed. A pure value.
///
/// Each is a shape known to hurt some engine, with sizes at and beside the limits engines have, put into other statements, or one of
/// ``HostileStatement/known`` with its words and numbers exchanged. What it writes is in tables whose names begin with `h`.
public struct HostileGenerator: Sendable {
    public let engine: EngineKind
    /// Bytes of a statement, at most.
    public var maximumBytes = 300_000
    private var random: SplitMix
    private var known: [HostileStatement]

    public init(_ engine: EngineKind, seed: UInt64) {
        self.engine = engine
        random = SplitMix(seed: seed)
        known = HostileStatement.known.filter { $0.engine == engine }
    }

    public mutating func next() -> HostileStatement {
        while true {
            let statement = chance(4) ? mutated() : wrapped(shape())
            if statement.sql.utf8.count <= maximumBytes { return statement }
        }
    }

    // MARK: Drawing

    private mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &random) == 0 }

    private mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }

    /// How often something stands in the statement.
    private mutating func count() -> Int { pick([1, 2, 63, 64, 65, 127, 128, 255, 256, 499, 500, 501, 999, 1_000, 2_000, 2_001, 8_000, 32_767]) }

    /// How large a value is.
    private mutating func size() -> Int {
        pick([0, 1, 255, 4_095, 65_536, 1_000_000, 3_200_000, 30_000_000, 33_554_432, 100_000_000, 2_147_483_647, 2_147_483_648, 4_294_967_296, Int.max, -1])
    }

    // MARK: Shapes

    private mutating func shape() -> HostileStatement {
        let (name, sql) = chance(3) ? ofEngine() : ofAny()
        return HostileStatement(engine, name, sql)
    }

    private mutating func ofAny() -> (String, String) {
        let n = count(), size = size(), small = min(n, 400)
        let draw = Int.random(in: 0..<1_000, using: &random)
        var shapes = Shapes()
        shapes.add("parentheses", "select " + HostileStatement.nested("(", n, "1", ")"))
        shapes.add("signs", "select " + HostileStatement.nested("- ", n, "1", ""))
        shapes.add("NOT", "select " + HostileStatement.nested("not ", n, "1", ""))
        shapes.add("CASE", "select " + HostileStatement.nested("case when 1 then ", n, "1", " end"))
        shapes.add("function calls", "select " + HostileStatement.nested("coalesce(1,", n, "1", ")"))
        shapes.add("nested subqueries", HostileStatement.nested("select * from (", n, "select 1 as x", ") as s"))
        shapes.add("nested EXISTS", "select 1 where " + HostileStatement.nested("exists (select 1 where ", n, "1=1", ")"))
        shapes.add("a chain of common table expressions", HostileStatement.chain(max(2, n)))
        shapes.add("common table expressions that double", HostileStatement.doubling(min(n, 40)))
        shapes.add("recursion", "with recursive n(i) as (select 1 union all select i+1 from n) select count(*) from n limit 1")
        shapes.add("recursion over pairs", "with recursive n(i) as (select 1 union all select a.i+1 from n a where a.i < \(size)) select max(i) from n, n as m")
        shapes.add("columns", "select \(HostileStatement.list(n) { "\($0) as c\($0)" })")
        shapes.add("terms", HostileStatement.list(n, separator: " union all ") { "select \($0)" })
        shapes.add("IN", "select 1 in (\(HostileStatement.list(n * 4) { "\($0)" }))")
        shapes.add("sums", "select \(HostileStatement.list(n, separator: "+") { "\($0)" })")
        shapes.add("cross join", "select count(*) from \(HostileStatement.list(min(n, 64)) { "(select 1 as a union all select 2) as t\($0)" })")
        shapes.add("ORDER BY", "select 1 order by \(HostileStatement.list(n) { "1+\($0)" })")
        shapes.add("window", "select sum(i) over (order by i rows between \(size) preceding and \(size) following) from (select 1 as i union all select 2 union all select 3) as t")
        shapes.add("windows", "select \(HostileStatement.list(small) { "row_number() over (order by 1+\($0))" })")
        shapes.add("LIKE", "select \(Self.quoted("a", min(n * 10, 50_000))) like \(Self.quoted("%a", min(n, 5_000)))")
        shapes.add("a name", "select 1 as \"\(String(repeating: "n", count: n * 4))\"")
        shapes.add("a number", "select \(String(repeating: "9", count: n)).\(String(repeating: "9", count: n))e\(size)")
        shapes.add("a text", "select \(Self.quoted("x", n * 8))")
        shapes.add("a table of columns", "create table if not exists h\(n) (\(HostileStatement.list(n) { "c\($0) integer" }))")
        shapes.add("a table of defaults", "create table if not exists hd\(n) (a integer default (\(HostileStatement.nested("(", small, "1", ")"))), b integer)")
        shapes.add("an index", "create index if not exists hi\(n) on h\(n) (\(HostileStatement.list(small) { "c\($0)" }))")
        shapes.add("a view", "create view hv\(n) as \(HostileStatement.chain(max(2, small)))")
        shapes.add("the view", "select * from hv\(n), hv\(n) as b")
        shapes.add("transactions", "begin; begin; savepoint s; rollback to s; commit; commit")
        shapes.add("nothing", String(repeating: ";", count: n) + String(repeating: " /* */ ", count: n) + "--")
        shapes.add("no text", "select \u{1}\u{feff}\u{202e} '\u{0}' \(String(repeating: "\u{1F4A5}", count: small))")
        shapes.add("unfinished", Self.one(["select '", "select \"", "select (", "select /*", "with", "select x'0", "insert into", "case when"], draw) + String(repeating: "(", count: n))
        return pick(shapes.all).made()
    }

    private mutating func ofEngine() -> (String, String) {
        switch engine {
        case .sqlite: ofSQLite()
        case .duckdb: ofDuckDB()
        }
    }

    private mutating func ofSQLite() -> (String, String) {
        let n = count(), size = size(), other = self.size(), cost = min(n * 10, 20_000)
        let draw = Int.random(in: 0..<1_000, using: &random)
        var shapes = Shapes()
        shapes.add("zeroblob", "select length(zeroblob(\(size)) || zeroblob(\(other)))")
        shapes.add("randomblob", "select hex(randomblob(\(size)))")
        shapes.add("instr", "select instr(zeroblob(\(size)), zeroblob(\(other)) || x'01')")
        shapes.add("replace", "select length(replace(zeroblob(\(size)), x'00', zeroblob(\(n))))")
        shapes.add("printf width", "select length(printf('%\(size)d %.\(other)f %*s', 1, 1.5, \(size), 'x'))")
        shapes.add("printf arguments", "select printf('\(String(repeating: "%s", count: n))', \(HostileStatement.list(min(n, 126)) { "\($0)" }))")
        shapes.add("group_concat", "with recursive n(i) as (select 1 union all select i+1 from n where i < 5000000) select length(group_concat(printf('%0400d', i))) from n")
        shapes.add("GLOB", "select \(Self.quoted("a", cost)) glob \(Self.quoted("*a", min(n, 5_000)) )")
        shapes.add("GLOB sets", "select 'a' glob '\(String(repeating: "[^", count: min(n, 4_000)))'")
        shapes.add("JSON nesting", "select json_extract(\(Self.quoted("[", n)) || \(Self.quoted("]", n)), '$\(String(repeating: "[0]", count: min(n, 900)))')")
        shapes.add("JSON made", "select \(HostileStatement.nested("json_array(", min(n, 490), "1", ")"))")
        shapes.add("JSON tree", "select count(*) from json_tree('[' || replace(hex(zeroblob(\(n * 10))), '0', '[1],') || '1]')")
        shapes.add("quote", "select quote(zeroblob(\(size)))")
        shapes.add("char", "select length(char(\(HostileStatement.list(min(n, 127)) { "\($0 * 99_999)" })))")
        shapes.add("substr", "select substr(zeroblob(\(min(size, 30_000_000))), \(other), \(size))")
        shapes.add("round", "select round(1.5, \(size)), abs(-9223372036854775807-1), -9223372036854775808 / -1, 1 << \(size)")
        shapes.add("dates", "select strftime('\(String(repeating: "%J", count: n))', \(size)), datetime(\(size), '\(other) months')")
        shapes.add("a trigger of its own table", "create trigger if not exists htr after insert on hw begin insert into hw select a+1 from hw; end")
        shapes.add("a table that grows by itself", "create table if not exists hw (a integer)")
        shapes.add("an INSERT that grows", "insert into hw values (1)")
        shapes.add("an INSERT of its own rows", "insert into hw select a.a from hw a, hw b limit 100000")
        shapes.add("an index on an expression", "create index if not exists hx on hw (\(HostileStatement.nested("abs(", min(n, 200), "a", ")")))")
        shapes.add("full text", "create virtual table if not exists hf using fts5(a, prefix='1 2 3')")
        shapes.add("full text query", "select * from hf where hf match '\(String(repeating: "(", count: n))a'")
        shapes.add("full text NEAR", "select * from hf where hf match 'NEAR(\(String(repeating: "a ", count: n)), \(size))'")
        shapes.add("R-tree", "create virtual table if not exists hr using rtree(id, a, b)")
        shapes.add("PRAGMA", "pragma \(Self.one(["integrity_check", "journal_mode=delete", "mmap_size=1000000000", "cache_size=-100000000", "page_size=512", "locking_mode=exclusive", "wal_checkpoint(truncate)", "optimize", "recursive_triggers=on", "schema_version=1", "temp_store_directory='/tmp'", "max_page_count=\(max(0, size))"], draw))")
        shapes.add("EXPLAIN QUERY PLAN", "explain query plan select * from \(HostileStatement.list(min(n, 64)) { "sqlite_schema t\($0)" })")
        shapes.add("ATTACH", "attach \(Self.quoted("/", min(n, 5_000))) as h")
        shapes.add("VACUUM", "vacuum")
        shapes.add("sqlite_schema", "update sqlite_schema set sql = 'x'")
        shapes.add("sqlite_dbpage", "select * from sqlite_dbpage")
        shapes.add("ANALYZE", "analyze")
        return pick(shapes.all).made()
    }

    private mutating func ofDuckDB() -> (String, String) {
        let n = count(), size = size(), other = self.size(), cost = min(n * 10, 20_000)
        let draw = Int.random(in: 0..<1_000, using: &random)
        var shapes = Shapes()
        shapes.add("repeat", "select length(repeat('x', \(size)))")
        shapes.add("lpad", "select length(lpad('x', \(min(size, 2_147_483_647)), 'y'))")
        shapes.add("range", "select len(range(\(size)))")
        shapes.add("generate_series", "select count(*) from generate_series(0, \(size)) a, generate_series(0, \(other)) b")
        shapes.add("a list of lists", "select \(HostileStatement.nested("[", n, "1", "]"))")
        shapes.add("a struct of structs", "select \(HostileStatement.nested("{'a':", n, "1", "}"))")
        shapes.add("lambdas", "select \(HostileStatement.nested("list_transform([1], lambda x: ", min(n, 450), "1", ")"))")
        shapes.add("JSON nesting", "select (repeat('[',\(n))||repeat(']',\(n)))::json")
        shapes.add("JSON to VARIANT", "select (repeat('[',\(n))||repeat(']',\(n)))::json::variant")
        shapes.add("JSON objects", "select json_structure(repeat('{\"a\":',\(n))||'1'||repeat('}',\(n)))")
        shapes.add("JSON path", "select json_extract('[1]', '$\(String(repeating: "[*]", count: min(n, 5_000)))')")
        shapes.add("a regular expression", "select regexp_matches(repeat('a',\(cost)), '\(String(repeating: "(a?)", count: min(n, 1_000)))b')")
        shapes.add("a repeated expression", "select regexp_replace('aaaa', '(((a{1,\(min(n, 1_000))}){1,1000})*)', 'x', 'g')")
        shapes.add("levenshtein", "select levenshtein(repeat('a',\(cost * 4)), repeat('b',\(cost * 4)))")
        shapes.add("jaccard", "select jaccard(repeat('ab',\(cost)), repeat('ba',\(cost)))")
        shapes.add("format", "select format('{:\(size)d}', 1)")
        shapes.add("printf", "select length(printf('%\(min(size, 2_147_483_647))d', 1))")
        shapes.add("a large number", "select \(size)::hugeint * \(size)::hugeint * \(other)::hugeint * 99999999999")
        shapes.add("a decimal", "select 1::decimal(38, 37) * \(n)::decimal(38, 0)")
        shapes.add("bits", "select length(bitstring('1', \(min(max(size, 1), 2_147_483_647))))")
        shapes.add("string_agg", "select length(string_agg(repeat('x',\(cost)), '')) from range(\(min(max(size, 0), 10_000_000)))")
        shapes.add("histogram", "select histogram(i) from range(\(min(max(size, 0), 30_000_000))) t(i)")
        shapes.add("quantiles", "select quantile_cont(i, [\(HostileStatement.list(min(n, 5_000)) { "0.\($0)" })]) from range(100000) t(i)")
        shapes.add("PIVOT", "pivot (select i, i % \(n) as k from range(\(n)) t(i)) on k using sum(i)")
        shapes.add("UNPIVOT", "unpivot (select \(HostileStatement.list(min(n, 2_000)) { "\($0) as c\($0)" })) on columns(*)")
        shapes.add("an enum", "create type hen\(n) as enum (\(HostileStatement.list(n) { "'v\($0)'" }))")
        shapes.add("a macro of itself", "create or replace macro hm(a) as hm(a) + 1")
        shapes.add("the macro", "select hm(1)")
        shapes.add("a recursive macro table", "create or replace macro hmt() as table select * from hmt()")
        shapes.add("USING KEY", "with recursive t(a, b) using key (a) as (select 1, 1 union select a % 7, b + 1 from t) select * from t")
        shapes.add("ASOF", "select count(*) from range(\(cost)) a(i) asof join range(\(cost)) b(i) on a.i >= b.i")
        shapes.add("SAMPLE", "select * from range(1000000) using sample \(n)%")
        shapes.add("PRAGMA", "pragma \(Self.one(["enable_verification", "force_checkpoint", "memory_limit='1TB'", "threads=1000", "enable_profiling", "verify_parallelism", "disable_optimizer", "database_list", "version"], draw))")
        shapes.add("EXPLAIN ANALYZE", "explain analyze select count(*) from range(\(cost)) a, range(\(cost)) b")
        shapes.add("SUMMARIZE", "summarize select \(HostileStatement.list(min(n, 500)) { "i+\($0) as c\($0)" }) from range(1000) t(i)")
        shapes.add("ATTACH", "attach \(Self.quoted("/", min(n, 5_000))) as h")
        shapes.add("glob", "select * from glob('/**/\(String(repeating: "**/", count: min(n, 500)))*')")
        shapes.add("query", "select * from query('select * from query(''select 1'')')")
        shapes.add("a table that grows by itself", "create table if not exists hw as select range as a from range(\(min(max(size, 0), 3_000_000)))")
        shapes.add("an INSERT of its own rows", "insert into hw select a.a from hw a, hw b limit 1000000")
        shapes.add("an UPDATE", "update hw set a = a + 1")
        shapes.add("a sequence", "create sequence if not exists hs increment by \(max(1, size))")
        shapes.add("a sequence that overflows", "select nextval('hs'), nextval('hs'), nextval('hs')")
        shapes.add("ART", "create index if not exists hx on hw (a)")
        return pick(shapes.all).made()
    }

    /// Of which one is made: the others would take their time.
    private struct Shapes {
        struct Shape {
            var name: String
            var sql: () -> String

            func made() -> (String, String) { (name, sql()) }
        }
        var all: [Shape] = []

        mutating func add(_ name: String, _ sql: @autoclosure @escaping () -> String) { all.append(Shape(name: name, sql: sql)) }
    }

    private static func one(_ words: [String], _ draw: Int) -> String { words[draw % words.count] }

    private static func quoted(_ text: String, _ count: Int) -> String { "'\(String(repeating: text, count: count))'" }

    // MARK: Around and in them

    private mutating func wrapped(_ statement: HostileStatement) -> HostileStatement {
        guard statement.sql.hasPrefix("select "), chance(4) else { return statement }
        let sql = statement.sql
        let (name, text) = pick([
            ("subquery of ", "select * from (\(sql)) as w"),
            ("EXISTS of ", "select exists (\(sql))"),
            ("union of ", "\(sql) union \(sql)"),
            ("sorted ", "select * from (\(sql)) as w order by 1"),
            ("table of ", "create table if not exists hc as \(sql)"),
            ("plan of ", (engine == .sqlite ? "explain query plan " : "explain ") + sql),
            ("common table expression of ", "with w as (\(sql)) select * from w, w as v"),
        ])
        return HostileStatement(engine, name + statement.name, text)
    }

    /// One of those that are known, with some of its words exchanged.
    private mutating func mutated() -> HostileStatement {
        var statement = pick(known.filter { $0.sql.utf8.count <= 4_096 })
        var words = Self.words(statement.sql)
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let place = Int.random(in: 0..<words.count, using: &random)
            if words[place].first?.isNumber == true {
                words[place] = String(size())
                continue
            }
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where words.count > 1: words.remove(at: place)
            case 1: words.insert(contentsOf: words[place...].prefix(8), at: place)
            case 2: words.swapAt(place, Int.random(in: 0..<words.count, using: &random))
            default: words.insert(pick(["null", "(", ")", ",", "||", "'x'", "-", "*", "select ", " from ", "distinct "]), at: place)
            }
        }
        statement.sql = words.joined()
        statement.name += ", changed"
        return statement
    }

    /// Runs of letters, runs of digits, and every other character by itself.
    private static func words(_ sql: String) -> [String] {
        var words: [String] = [], last: Bool?
        for character in sql {
            let kind: Bool? = character.isNumber ? true : character.isLetter || character == "_" ? false : nil
            if kind != nil, kind == last { words[words.count - 1].append(character) } else { words.append(String(character)) }
            last = kind
        }
        return words
    }
}
