/// Which names objects may have: the same for every store, so that a bucket can be copied from one to another.
///
/// One or more components joined by `/`; none empty, `.` or `..`; no control characters; at most 900 bytes of UTF-8 in
/// all (S3 allows 1,024, which leaves room for a prefix) and 255 in a component (a file name's limit). The first
/// component is not `.berth`, where a folder keeps its own files. A name must not be another's folder: `a` and `a/b`
/// cannot both exist, because a directory cannot hold them.
public enum ObjectNaming {
    static let maximumLength = 900
    static let maximumComponentLength = 255
    static let reservedComponent = ".berth"

    /// - Throws: `ObjectStoreError.invalid`.
    public static func validate(_ name: String) throws(ObjectStoreError) {
        func refuse(_ why: String) -> ObjectStoreError {
            .invalid(reason: "“\(name.prefix(200))” cannot name an object: \(why).")
        }
        guard name.utf8.count <= maximumLength else { throw refuse("it is longer than \(maximumLength) bytes") }
        guard name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw refuse("it has a control character") }
        let components = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for component in components {
            guard !component.isEmpty else { throw refuse("it has an empty component") }
            guard component.count <= maximumComponentLength else {
                throw refuse("a component is longer than \(maximumComponentLength) bytes")
            }
            guard !component.elementsEqual(".".utf8), !component.elementsEqual("..".utf8) else {
                throw refuse("“.” and “..” are not components")
            }
        }
        if let first = components.first, first.elementsEqual(reservedComponent.utf8) {
            throw refuse("“\(reservedComponent)” is reserved")
        }
    }

    static func validate(range: Range<Int64>?) throws(ObjectStoreError) {
        guard let range else { return }
        guard range.lowerBound >= 0, !range.isEmpty else {
            throw .invalid(reason: "\(range) is not a range of bytes to read.")
        }
    }

    static func validate(limit: Int) throws(ObjectStoreError) {
        guard limit > 0 else { throw .invalid(reason: "A listing needs a limit above 0.") }
    }
}
