import Foundation

extension String {
    /// Strings are equal when their characters are, however these are composed; to an engine such texts differ.
    public func hasSameBytes(as other: String) -> Bool {
        utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { other in
                guard own.count == other.count, let start = own.baseAddress, let otherStart = other.baseAddress else {
                    return own.count == other.count
                }
                return start == otherStart || memcmp(start, otherStart, own.count) == 0
            }
        }.flatMap { $0 } ?? utf8.elementsEqual(other.utf8)
    }
}
