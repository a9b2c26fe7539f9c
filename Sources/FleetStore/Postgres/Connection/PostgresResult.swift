import CPostgres

/// One result of libpq, freed with the last reference.
///
/// `@unchecked Sendable`: libpq documents that a `PGresult` is read-only once created and may be used by several threads
/// (manual, “Behavior in Threaded Programs”); nothing here changes it, and only `deinit` frees it.
final class PostgresResult: @unchecked Sendable {
    let pointer: OpaquePointer
    let columns: [String]
    private let indexes: [String: Int]

    /// Takes over `pointer`.
    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        self.columns = (0..<PQnfields(pointer)).map { String(cString: PQfname(pointer, $0)) }
        self.indexes = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    deinit { PQclear(pointer) }

    var rowCount: Int { Int(PQntuples(pointer)) }

    /// `UPDATE`, `INSERT`, `COMMIT`, … with figures behind it.
    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    func columnIndex(_ name: String) -> Int? { indexes[name] }
    func columnType(_ column: Int) -> UInt32 { PQftype(pointer, Int32(column)) }

    /// The value's text form, valid during `body`; `nil` for NULL. Row and column must exist.
    func withText<T>(row: Int, column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> T) -> T? {
        guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0,
            let text = PQgetvalue(pointer, Int32(row), Int32(column))
        else { return nil }
        let length = Int(PQgetlength(pointer, Int32(row), Int32(column)))
        return text.withMemoryRebound(to: UInt8.self, capacity: length) {
            body(UnsafeBufferPointer(start: $0, count: length))
        }
    }

    /// A field of an error or notice.
    func report(_ field: ReportField) -> String? { reportText(pointer, field) }
}

/// Fields of an error or notice: the `PG_DIAG_…` characters of `postgres_ext.h`, which Swift does not import.
enum ReportField: Character {
    case severity = "V"
    case sqlState = "C"
    case message = "M"
    case detail = "D"
    case constraint = "n"
    case sourceFunction = "R"
}

func reportText(_ result: OpaquePointer?, _ field: ReportField) -> String? {
    guard let code = field.rawValue.asciiValue, let text = PQresultErrorField(result, Int32(code)) else { return nil }
    return String(cString: text)
}
