import FleetModel

/// How much SQL a stream may store.
enum SQLStore {
    private static let maximumTexts = 256
    private static let maximumBytes = 1 << 20

    /// - Parameters:
    ///   - replaces: it takes the place of one that is stored.
    ///   - count: texts that are stored.
    /// - Throws: `SQL_STORE_TOO_MANY`, `SQL_STORE_TOO_LARGE`.
    static func check(_ sql: String, replaces: Bool, among count: Int) throws(SQLError) {
        guard replaces || count < maximumTexts else {
            throw SQLError(code: "SQL_STORE_TOO_MANY", message: "A stream stores at most \(maximumTexts) SQL texts.")
        }
        guard sql.utf8.count <= maximumBytes else {
            throw SQLError(code: "SQL_STORE_TOO_LARGE", message: "A stored SQL text has at most \(maximumBytes) bytes.")
        }
    }
}
