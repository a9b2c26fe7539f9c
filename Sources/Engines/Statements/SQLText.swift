import Foundation

/// SQL compared byte by byte. Strings are equal when their characters are, however these are composed; to an engine such
/// texts are different statements.
struct SQLText: Hashable {
    let sql: String

    static func == (left: Self, right: Self) -> Bool {
        left.sql.utf8.withContiguousStorageIfAvailable { left in
            right.sql.utf8.withContiguousStorageIfAvailable { right in
                guard left.count == right.count, let start = left.baseAddress, let other = right.baseAddress else {
                    return left.count == right.count
                }
                return start == other || memcmp(start, other, left.count) == 0
            }
        }.flatMap { $0 } ?? left.sql.utf8.elementsEqual(right.sql.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var sql = sql
        sql.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
