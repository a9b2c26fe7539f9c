import FleetModel

extension HostileStatement {
    /// Statements that were found to end, stop or fill the process they ran in.
    public static let known: [HostileStatement] = crashes + endless + memory + reaching

    /// They overflow a stack, or what checks it.
    private static let crashes = [
        HostileStatement(.duckdb, "JSON to VARIANT", "select (repeat('[',20000)||repeat(']',20000))::json::variant"),
        HostileStatement(.duckdb, "nested subqueries", nested("select * from (", 90_000, "select * from range(1)", ")")),
        HostileStatement(.sqlite, "a chain of 20,000 common table expressions", chain(20_000)),
        HostileStatement(
            .sqlite, "EXPLAIN of a wide DISTINCT",
            "EXPLAIN SELECT DISTINCT \(list(65) { _ in "1" }) ORDER BY \(list(64) { _ in "'x'" })"),
    ]

    /// One call, or one compilation, that does not look at its deadline.
    private static let endless = [
        HostileStatement(.sqlite, "instr", "select instr(zeroblob(3200000), zeroblob(1600000)||x'01')"),
        HostileStatement(.sqlite, "replace", "select length(replace(hex(zeroblob(2000000)), '0', '00000000'))"),
        HostileStatement(.sqlite, "trim", "select trim(hex(zeroblob(2000000)), hex(zeroblob(1000000)) || '1')"),
        HostileStatement(.sqlite, "expressions that double", doubling(29)),
        HostileStatement(.sqlite, "a count without an end", "with recursive n(i) as (select 1 union all select i+1 from n) select count(*) from n"),
        HostileStatement(.duckdb, "levenshtein", "select levenshtein(repeat('a',90000), repeat('b',90000)||i) from range(3) t(i)"),
        HostileStatement(
            .duckdb, "a regular expression", "select regexp_matches(repeat('a',500000)||i, '(a?){500}(a){500}b') from range(50) t(i)"),
        HostileStatement(.duckdb, "expressions that double", doubling(29)),
        HostileStatement(.duckdb, "rpad", "select length(rpad('a',2000000000,'b'))"),
    ]

    /// They ask for more than there is.
    private static let memory = [
        HostileStatement(.sqlite, "sixty large values", "select \(list(60) { _ in "zeroblob(33000000)||''" })"),
        HostileStatement(
            .sqlite, "a large sort",
            "with recursive n(i) as (select 1 union all select i+1 from n where i < 3000000) select i, printf('%04000d', i) from n order by 2 desc limit 1"),
        HostileStatement(.duckdb, "strings of two megabytes", "select sum(length(repeat('x',2000000)||i)) from range(1000) t(i)"),
        HostileStatement(.duckdb, "a long list", "select len(range(0,250000000))"),
        HostileStatement(.duckdb, "printf", "select length(printf('%2000000000d',1))"),
        HostileStatement(.duckdb, "damerau_levenshtein", "select damerau_levenshtein(repeat('a',20000), repeat('b',20000))"),
    ]

    /// What is not the tenant's.
    private static let reaching = [
        HostileStatement(.sqlite, "ATTACH", "attach '/etc/passwd' as p"),
        HostileStatement(.sqlite, "VACUUM INTO", "vacuum into '/tmp/stolen'"),
        HostileStatement(.sqlite, "writable_schema", "pragma writable_schema = on"),
        HostileStatement(.sqlite, "load_extension", "select load_extension('libm.so.6')"),
        HostileStatement(.sqlite, "database_list", "pragma database_list"),
        HostileStatement(.sqlite, "sqlite_stmt", "select sql from sqlite_stmt"),
        HostileStatement(.sqlite, "dbstat", "select * from dbstat"),
        HostileStatement(.duckdb, "ATTACH", "attach '/etc/passwd' as p"),
        HostileStatement(.duckdb, "COPY", "copy (select 1) to '/tmp/stolen'"),
        HostileStatement(.duckdb, "read_text", "select * from read_text('/etc/passwd')"),
        HostileStatement(.duckdb, "INSTALL", "install httpfs"),
        HostileStatement(.duckdb, "a limit raised", "set memory_limit = '100GB'"),
        HostileStatement(.duckdb, "settings", "select * from duckdb_settings()"),
        HostileStatement(.duckdb, "databases", "select * from duckdb_databases()"),
        HostileStatement(.duckdb, "enable_verification", "pragma enable_verification"),
        HostileStatement(.duckdb, "checkpoint", "from force_checkpoint()"),
    ]

    // MARK: Shapes

    static func list(_ count: Int, separator: String = ", ", _ item: (Int) -> String) -> String {
        (0..<count).map(item).joined(separator: separator)
    }

    static func nested(_ opening: String, _ depth: Int, _ middle: String, _ closing: String) -> String {
        String(repeating: opening, count: depth) + middle + String(repeating: closing, count: depth)
    }

    /// Common table expressions that name the one before.
    static func chain(_ length: Int) -> String {
        "with c0(x) as (select 1), \(list(length - 1) { "c\($0 + 1) as (select x from c\($0) limit 1)" }) select x from c\(length - 1)"
    }

    /// Common table expressions that name the one before twice.
    static func doubling(_ length: Int) -> String {
        "with c0(x) as (select 1), \(list(length) { "c\($0 + 1)(x) as (select a.x from c\($0) a, c\($0) b)" }) select count(*) from c\(length)"
    }
}
