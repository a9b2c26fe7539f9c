import CDuckDB
import FleetModel

/// A prepared statement, destroyed with its last reference. Must not outlive its connection.
final class DuckDBStatement {
    /// What a transaction statement does.
    enum Transaction {
        case begin, commit, rollback
        /// One of them: inside a script DuckDB does not say which text is whose.
        case unknown
    }

    let handle: duckdb_prepared_statement
    let type: DuckDBStatementType
    /// `nil` for every other statement.
    let transaction: Transaction?
    /// Its rows may be fetched while it runs: nothing is lost when that is not done to the end.
    /// An EXPLAIN may carry out what it explains.
    var isStreamed: Bool { type == .select && !writes }
    /// May make the files larger than they may be. What only takes away is possible in a full database, and so is a checkpoint, which is a CALL.
    var mayGrow: Bool {
        switch type {
        case .delete, .drop, .transaction, .call, .vacuum: false
        default: writes
        }
    }
    /// One per parameter, without `$`; digits for one without a name.
    let parameterNames: [String]
    /// A BEGIN after which nothing can be written.
    let beginsReadOnly: Bool
    /// May change the database, as far as its type and its words tell; or is a BEGIN that takes the turn to write at once.
    let writes: Bool
    /// May change the database and answer rows.
    let returnsWhatItWrites: Bool
    private let library: DuckDBLibrary
    /// The columns as the client knows them, of a statement that answers texts in their place.
    var describedAs: [SQLResult.Column]?

    /// - Parameters:
    ///   - sql: text that begins with the statement; `nil` when that is not known.
    ///   - begin: what kind of BEGIN it is, when it is one of libSQL's.
    init(_ handle: duckdb_prepared_statement, sql: String?, begin: LibSQLBegin.Mode? = nil, library: DuckDBLibrary) {
        self.handle = handle
        self.library = library
        let api = library.api
        type = DuckDBStatementType(api.prepared_statement_type(handle))
        transaction = type == .transaction ? sql.map { Transaction($0) } ?? .unknown : nil
        beginsReadOnly = begin == .readOnly
        switch type {
        case .transaction: writes = begin == .immediate || begin == .exclusive
        case .set, .variableSet, .pragma: writes = false
        case .select, .explain: writes = sql.map { DuckDBWords.mayWrite($0) } ?? true
        default: writes = true
        }
        returnsWhatItWrites = writes && (type.isQuery || sql.map { DuckDBWords.mayReturn($0) } ?? true)
        parameterNames = (0..<api.nparams(handle)).map { index in
            library.take(UnsafeMutablePointer(mutating: api.parameter_name(handle, index + 1)))
        }
    }

    deinit {
        var handle: duckdb_prepared_statement? = handle
        library.api.destroy_prepare(&handle)
    }

    /// As planned; a changed table changes them, so a result brings its own.
    var columns: [SQLResult.Column] {
        describedAs ?? plannedColumns.map { SQLResult.Column(name: $0.name, declaredType: $0.type.name) }
    }

    /// The count of changed rows, which other statements than queries answer, is not a column.
    var plannedColumns: [DuckDBColumn] { type.isQuery || type == .pragma ? answer : [] }

    /// - Throws: `DUCKDB_NOT_IMPLEMENTED` for a change whose answer cannot be read: before it is carried out.
    func requireReadableAnswer() throws(SQLError) {
        guard returnsWhatItWrites else { return }
        for column in answer where !column.type.isReadable && !column.type.isUndecided { throw DuckDBErrorCode.unreadable(column.name, column.type.name) }
    }

    private var answer: [DuckDBColumn] {
        let api = library.api
        return (0..<api.prepared_statement_column_count(handle)).map { index in
            DuckDBColumn(
                name: library.take(UnsafeMutablePointer(mutating: api.prepared_statement_column_name(handle, index))),
                type: DuckDBType(taking: api.prepared_statement_column_logical_type(handle, index), library: library))
        }
    }
}

extension DuckDBStatement.Transaction {
    /// - Parameter sql: a statement that DuckDB takes for one of a transaction.
    init(_ sql: String) {
        var sql = sql
        let word = sql.withUTF8 { text in
            String(
                decoding: text[SQLTrivia.end(in: text, from: 0)...].prefix {
                    ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z")
                }, as: UTF8.self)
        }
        self = switch word.uppercased() {
        case "BEGIN", "START": .begin
        case "COMMIT", "END": .commit
        default: .rollback
        }
    }
}
