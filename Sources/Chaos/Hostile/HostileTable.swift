import FleetModel

extension HostileStatement {
    /// Statements that were found to end, stop or fill the process they ran in, and those that ask for what is not the tenant's.
    public static let known: [HostileStatement] = crashes + nestings + endless + memory + work + reaching + settings

    /// A file that none of them may make.
    public static let stolenPath = "/tmp/berth-stolen"

    private static func sqlite(_ name: String, _ sql: String, _ outcome: Outcome = .hostMayEnd, after preparation: [String] = []) -> HostileStatement {
        HostileStatement(.sqlite, name, sql, outcome: outcome, after: preparation)
    }

    private static func duckdb(_ name: String, _ sql: String, _ outcome: Outcome = .hostMayEnd, after preparation: [String] = []) -> HostileStatement {
        HostileStatement(.duckdb, name, sql, outcome: outcome, after: preparation)
    }

    /// They overflow a stack, or what checks it.
    private static let crashes = [
        duckdb("JSON to VARIANT", "select (repeat('[',20000)||repeat(']',20000))::json::variant"),
        duckdb("nested subqueries", nested("select * from (", 90_000, "select * from range(1)", ")")),
        sqlite("a chain of 20,000 common table expressions", chain(20_000)),
        sqlite("EXPLAIN of a wide DISTINCT", "EXPLAIN SELECT DISTINCT \(list(65) { _ in "1" }) ORDER BY \(list(64) { _ in "'x'" })"),
    ]

    /// Deeper than an engine's own limit, in each of the ways in which expressions nest.
    private static let nestings: [HostileStatement] = EngineKind.allCases.flatMap { engine in
        depths(engine).map { name, opening, middle, closing in
            let depth = min(200_000, 3_500_000 / (opening.utf8.count + closing.utf8.count))
            return HostileStatement(engine, "\(name), \(depth) deep", "select " + nested(opening, depth, middle, closing))
        }
    }

    private static func depths(_ engine: EngineKind) -> [(name: String, opening: String, middle: String, closing: String)] {
        let both = [
            ("parentheses", "(", "1", ")"), ("signs", "- ", "1", ""), ("NOT", "not ", "true", ""), ("sums", "", "1", "+1"), ("AND", "", "true", " and true"),
            ("CASE", "case when true then ", "1", " end"), ("function calls", "abs(", "1", ")"), ("CAST", "cast(", "1", " as integer)"),
            ("IN", "1 in (", "1", ")"), ("BETWEEN", "1 between 0 and (", "1", ")"), ("scalar subqueries", "(select ", "1", ")"),
            ("EXISTS", "exists(select ", "1", ")"),
        ]
        switch engine {
        case .sqlite: return both + [("COLLATE", "", "'a'", " collate binary"), ("JSON arrows", "", "'[]'", " -> 0")]
        case .duckdb:
            return both + [
                ("lists", "[", "1", "]"), ("structs", "{'a':", "1", "}"), ("subscripts", "", "[1]", "[1]"), ("double colons", "", "1", "::int"),
                ("lambdas", "list_transform([1], lambda x: ", "1", ")"),
            ]
        }
    }

    /// One call, or one compilation, that does not look at its deadline; and what simply has no end.
    private static let endless = [
        sqlite("instr", "select instr(zeroblob(3200000), zeroblob(1600000)||x'01')"),
        sqlite("instr of 32 MiB", "select instr(zeroblob(33554432), zeroblob(16777216)||x'01')"),
        sqlite("replace", "select length(replace(hex(zeroblob(2000000)), '0', '00000000'))"),
        sqlite("replace that finds nothing", "select length(replace(zeroblob(4000000), zeroblob(2000000)||x'01', x''))"),
        sqlite("trim", "select trim(hex(zeroblob(2000000)), hex(zeroblob(1000000)) || '1')"),
        sqlite("common table expressions that double", doubling(29)),
        sqlite("a count without an end", "with recursive n(i) as (select 1 union all select i+1 from n) select count(*) from n"),
        duckdb("levenshtein", "select levenshtein(repeat('a',90000), repeat('b',90000)||i) from range(3) t(i)"),
        duckdb("a regular expression", "select regexp_matches(repeat('a',500000)||i, '(a?){500}(a){500}b') from range(50) t(i)"),
        duckdb("common table expressions that double", doubling(29)),
        duckdb("rpad", "select length(rpad('a',2000000000,'b'))"),
        duckdb("a count without an end", "select count(*) from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 11"),
    ]

    /// They ask for more than there is.
    private static let memory = [
        sqlite("sixty large values", "select \(list(60) { _ in "zeroblob(33000000)||''" })"),
        sqlite(
            "a large sort",
            "with recursive n(i) as (select 1 union all select i+1 from n where i < 3000000) select i, printf('%04000d', i) from n order by 2 desc limit 1"),
        sqlite(
            "a large DISTINCT",
            "with recursive n(i) as (select 1 union all select i+1 from n where i < 3000000) select count(*) from (select distinct randomblob(4000) from n)"),
        sqlite(
            "a large temporary table",
            "create temp table h as with recursive n(i) as (select 1 union all select i+1 from n where i < 57000) select randomblob(1000) as b from n"),
        sqlite("600 long column names", "select \(list(600) { "1 as \"\(String(repeating: "n", count: 5_000))\($0)\"" })"),
        duckdb("strings of two megabytes", "select sum(length(repeat('x',2000000)||i)) from range(1000) t(i)"),
        duckdb("a long list", "select len(range(0,250000000))"),
        duckdb("printf", "select length(printf('%2000000000d',1))"),
        duckdb("damerau_levenshtein", "select damerau_levenshtein(repeat('a',20000), repeat('b',20000))"),
        duckdb("a large sort", "select i, md5(i::varchar) as m from range(20000000) t(i) order by m limit 1 offset 19999998"),
        duckdb("a large aggregate", "select count(*) from (select md5(i::varchar) as m, list(i) from range(20000000) t(i) group by m)"),
        duckdb("a large window", "select max(s) from (select sum(i) over (order by md5(i::varchar)) as s from range(5000000) t(i))"),
        duckdb("a large temporary table", "create temp table h as select md5(i::varchar) || md5((i+1)::varchar) as m from range(20000000) t(i)"),
        duckdb("600 long column names", "select \(list(600) { "1 as \"\(String(repeating: "n", count: 5_000))\($0)\"" })"),
    ]

    /// Work on files that others of the same host or node could have to wait for.
    private static let work = [
        sqlite(
            "VACUUM", "vacuum", .refusedToReaders,
            after: ["create table if not exists hv (b)", "insert into hv with recursive n(i) as (select 1 union all select i+1 from n where i < 20) select randomblob(1000000) from n"]),
        sqlite("a schema of ten megabytes", "select count(*) from sqlite_schema", .hostLives, after: (0..<40).map { wideTable($0) }),
        sqlite("ANALYZE", "analyze", .refusedToReaders),
        // Nothing to do, and answered, for a connection that has not heard of the index yet.
        sqlite("REINDEX", "reindex", .hostLives, after: ["create table if not exists hi (a)", "create index if not exists hia on hi (a)"]),
        sqlite("integrity_check", "pragma integrity_check", .hostLives),
        duckdb("a large table", "create table hl as select i, md5(i::varchar) as m from range(3000000) t(i)", .refusedToReaders),
        duckdb("a large update", "update hu set m = m || 'x'", .refusedToReaders, after: ["create or replace table hu as select i, md5(i::varchar) as m from range(100000) t(i)"]),
    ]

    /// A table whose definition has a quarter of a megabyte.
    private static func wideTable(_ number: Int) -> String {
        "create table if not exists hw\(number) (a text default '\(String(repeating: "x", count: 250_000))')"
    }

    /// What is not the tenant's.
    private static let reaching = [
        sqlite("ATTACH", "attach '/etc/passwd' as p", .refused),
        sqlite("ATTACH in memory", "attach ':memory:' as p", .refused),
        sqlite("ATTACH of a computed name", "attach (select '/etc/' || 'passwd') as p", .refused),
        sqlite("DETACH", "detach main", .refused),
        sqlite("VACUUM INTO", "vacuum into '\(stolenPath)'", .refused),
        sqlite("VACUUM INTO memory", "vacuum into 'file:h?mode=memory'", .refused),
        sqlite("writable_schema", "pragma writable_schema = on", .refused),
        sqlite("load_extension", "select load_extension('libm.so.6')", .refused),
        sqlite("fts3_tokenizer, to learn an address", "select hex(fts3_tokenizer('simple'))", .refused),
        sqlite("fts3_tokenizer, to jump to one", "select fts3_tokenizer('simple', x'4141414141414141')", .refused),
        sqlite("fts3_tokenizer in a view", "select * from hft", .refused, after: ["create view if not exists hft as select fts3_tokenizer('simple')"]),
        sqlite("sqlite_dbpage", "select hex(data) from sqlite_dbpage", .refused),
        sqlite("sqlite_dbpage, to write", "update sqlite_dbpage set data = zeroblob(4096)", .refused),
        sqlite("sqlite_schema, to write", "update sqlite_schema set sql = 'x'", .refused),
        sqlite("sqlite_schema, to add", "insert into sqlite_schema values ('table', 'h', 'h', 2, 'create table h (a)')", .refused),
        sqlite("a shadow table", "update hfs_data set block = x'00'", .refused, after: ["create virtual table if not exists hfs using fts5(a)"]),
        sqlite("a shadow table dropped", "drop table hfs_data", .refused, after: ["create virtual table if not exists hfs using fts5(a)"]),
        sqlite("a file read", "select readfile('/etc/passwd')", .refused),
        sqlite("a file written", "select writefile('\(stolenPath)', 'x')", .refused),
        sqlite("a table of a file", "create virtual table hcsv using csv(filename = '/etc/passwd')", .refused),
        sqlite("database_list", "pragma database_list", .hostLives),
        sqlite("database_list as a table", "select * from pragma_database_list", .hostLives),
        sqlite("sqlite_stmt", "select sql from sqlite_stmt", .refused),
        sqlite("dbstat", "select * from dbstat", .refused),
        duckdb("ATTACH", "attach '/etc/passwd' as p", .refused),
        duckdb("ATTACH in memory", "attach ':memory:' as p", .refused),
        duckdb("DETACH", "detach system", .refused),
        duckdb("COPY TO", "copy (select 1) to '\(stolenPath)'", .refused),
        duckdb("COPY FROM", "copy hc from '/etc/passwd'", .refused, after: ["create table if not exists hc (a text)"]),
        duckdb("COPY FROM DATABASE", "copy from database system to temp", .hostLives),
        duckdb("EXPORT DATABASE", "export database '\(stolenPath)'", .refused),
        duckdb("IMPORT DATABASE", "import database '/tmp'", .refused),
        duckdb("read_text", "select * from read_text('/etc/passwd')", .refused),
        duckdb("read_blob", "select * from read_blob('/proc/self/environ')", .refused),
        duckdb("read_csv", "select * from read_csv('/etc/passwd')", .refused),
        duckdb("read_json", "select * from read_json('/etc/passwd')", .refused),
        duckdb("read_parquet", "select * from read_parquet('http://127.0.0.1/x')", .refused),
        duckdb("read_duckdb", "select * from read_duckdb('/tmp/x.db')", .refused),
        duckdb("sniff_csv", "select * from sniff_csv('/etc/passwd')", .refused),
        duckdb("a file's name for a table", "from '/etc/passwd'", .refused),
        duckdb("a file's name in query_table", "from query_table('/etc/passwd')", .refused),
        duckdb("a file in query", "from query('from read_text(''/etc/passwd'')')", .refused),
        duckdb("a file in a serialized statement", "from json_execute_serialized_sql(json_serialize_sql('from read_text(''/etc/passwd'')'))", .refused),
        duckdb("glob", "select * from glob('/etc/*')", .refused),
        duckdb("INSTALL", "install httpfs", .refused),
        duckdb("LOAD", "load httpfs", .refused),
        duckdb("LOAD of a library", "load '/usr/lib/x86_64-linux-gnu/libm.so.6'", .refused),
        duckdb("UPDATE EXTENSIONS", "update extensions", .refused),
        duckdb("getenv", "select getenv('HOME')", .refused),
        duckdb("arrow_scan", "select * from arrow_scan(4096::ubigint, 4096::ubigint, 4096::ubigint)", .refused),
        duckdb("arrow_scan of pointers", "select * from arrow_scan(4096::pointer, 4096::pointer, 4096::pointer)", .refused),
        duckdb("arrow_scan_dumb", "select * from arrow_scan_dumb(4096::pointer, 4096::pointer, 4096::pointer)", .refused),
        duckdb("pandas_scan", "select * from pandas_scan(4096::ubigint)", .refused),
        duckdb("seq_scan", "select * from seq_scan()", .refused),
        duckdb("a function to compress", "select __internal_compress_string_utinyint('a longer text')", .refused),
        duckdb("a function to decompress", "select __internal_decompress_string(255::utinyint)", .refused),
        duckdb("a function to decompress numbers", "select __internal_decompress_integral_bigint(255::utinyint, 9223372036854775807)", .refused),
        duckdb("a secret that is kept", "create persistent secret h (type s3, key_id 'a', secret 'b')", .refused),
        duckdb("secrets", "from duckdb_secrets()", .hostLives),
        duckdb("prepared statements of others", "from duckdb_prepared_statements()", .hostLives),
        duckdb("logs", "from duckdb_logs()", .hostLives),
        duckdb("settings", "select * from duckdb_settings()", .hostLives),
        duckdb("databases", "select * from duckdb_databases()", .hostLives),
        duckdb("temporary files", "select * from duckdb_temporary_files()", .hostLives),
    ]

    /// What is the node's to decide.
    private static let settings = [
        sqlite("journal_mode", "pragma journal_mode = delete", .refused),
        sqlite("synchronous", "pragma synchronous = off", .refused),
        sqlite("locking_mode", "pragma locking_mode = exclusive", .refused),
        sqlite("wal_checkpoint", "pragma wal_checkpoint(truncate)", .refused),
        sqlite("wal_checkpoint as a table", "select * from pragma_wal_checkpoint", .refused),
        sqlite("page_size", "pragma page_size = 512", .refused),
        sqlite("auto_vacuum", "pragma auto_vacuum = full", .refused),
        sqlite("schema_version", "pragma schema_version = 7", .refused),
        sqlite("max_page_count", "pragma max_page_count = 1000000000", .refused),
        sqlite("temp_store_directory", "pragma temp_store_directory = '/tmp'", .refused),
        sqlite("data_store_directory", "pragma data_store_directory = '/tmp'", .refused),
        // Left alone, and answered with the value in force.
        sqlite("temp_store", "pragma temp_store = memory", .hostLives),
        sqlite("mmap_size", "pragma mmap_size = 1000000000000", .hostLives),
        sqlite("cache_size", "pragma cache_size = -100000000", .hostLives),
        sqlite("hard_heap_limit", "pragma hard_heap_limit = 0", .hostLives),
        sqlite("wal_autocheckpoint", "pragma wal_autocheckpoint = 1", .hostLives),
        duckdb("CHECKPOINT", "checkpoint", .refused),
        duckdb("FORCE CHECKPOINT", "force checkpoint", .refused),
        // DuckDB cannot be kept from it, whoever asks; it is captured like everything else.
        duckdb("checkpoint()", "from checkpoint()", .hostLives),
        duckdb("force_checkpoint()", "from force_checkpoint()", .hostLives),
        duckdb("checkpoint() inside another query", "select (select count(*) from checkpoint())", .hostLives),
        duckdb("checkpoint() in a view", "from hcv", .hostLives, after: ["create or replace view hcv as from checkpoint()"]),
        duckdb("checkpoint() in a macro", "from hcm()", .hostLives, after: ["create or replace macro hcm() as table from force_checkpoint()"]),
        duckdb("checkpoint() in a text", "from query('from check' || 'point()')", .hostLives),
        duckdb("CALL of checkpoint", "call checkpoint()", .refused),
        duckdb("PRAGMA force_checkpoint", "pragma force_checkpoint", .refused),
        duckdb("VACUUM", "vacuum", .refused),
        duckdb("ANALYZE", "analyze", .refused),
        duckdb("a limit raised", "set memory_limit = '100GB'", .refused),
        duckdb("a limit reset", "reset memory_limit", .refused),
        duckdb("PRAGMA of a limit", "pragma memory_limit = '100GB'", .refused),
        duckdb("threads", "set threads = 1000", .refused),
        duckdb("PRAGMA threads", "pragma threads = 1000", .refused),
        duckdb("temp_directory", "set temp_directory = '/tmp'", .refused),
        duckdb("home_directory", "set home_directory = '/tmp'", .refused),
        duckdb("enable_external_access", "set enable_external_access = true", .refused),
        duckdb("lock_configuration", "set lock_configuration = false", .refused),
        duckdb("lock_configuration reset", "reset lock_configuration", .refused),
        duckdb("profiling into a file", "set profile_output = '\(stolenPath)'", .refused),
        duckdb("PRAGMA of profiling into a file", "pragma profiling_output = '\(stolenPath)'", .refused),
        duckdb("enable_profiling", "pragma enable_profiling", .refused),
        duckdb("enable_verification", "pragma enable_verification", .hostLives),
        duckdb("enable_logging", "call enable_logging()", .refused),
        duckdb("enable_logging as a table", "from enable_logging()", .refused),
        duckdb("enable_logging into a file", "from enable_logging(storage = 'file', storage_path = '\(stolenPath)')", .refused),
        duckdb("set_allocator_background_threads", "set allocator_background_threads = true", .refused),
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
