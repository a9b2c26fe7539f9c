/// A bucket: named byte strings that are put, read, listed and deleted whole.
///
/// Names are relative to the bucket (and its prefix) and follow ``ObjectNaming``. Every method throws
/// ``ObjectStoreError``, or `CancellationError` when the task is cancelled. Only a definite answer counts as absence:
/// an error, a proxy's 404 or a bucket that is gone is never reported as an object that does not exist.
///
/// A conditional put is atomic, whatever the size: of many at once at most one wins. ``ObjectStoreProbe`` checks that.
public protocol ObjectStore: Sendable {
    /// Stores an object whole; when this returns it is durable and every later read sees it.
    ///
    /// - Throws: `preconditionFailed` when `condition` does not hold. After `unavailable` it is unknown whether the
    ///   object was stored.
    @discardableResult
    func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion

    /// The same with contents that may lie in files, of which no more is in memory than is under way.
    @discardableResult
    func put(_ name: String, contents: ObjectContents, condition: PutCondition) async throws -> ObjectVersion

    /// Reads an object, or a range of its bytes.
    ///
    /// - Parameter range: Must not be empty and must lie within the object.
    /// - Throws: `notFound`; `truncated` when fewer bytes came than were asked for or announced.
    func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8]

    /// What is known of an object, or `nil` when it definitely does not exist.
    func head(_ name: String) async throws -> ObjectInfo?

    /// Objects whose names start with `prefix`, in the byte order of their names.
    ///
    /// - Parameters:
    ///   - prefix: Any start of a name, not only whole components; empty for everything.
    ///   - after: Only names greater than this, exclusively. It need not exist.
    ///   - limit: The most to return; fewer than `limit` means that there are no more.
    func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo]

    /// Deletes objects. One that does not exist is as good as deleted.
    ///
    /// Not atomic: after an error some may be gone. Repeating it is safe.
    func delete(_ names: [String]) async throws

    /// Gives up connections and threads. Every store needs it once, before it is let go; it cannot be used afterwards.
    func shutdown() async throws
}

extension ObjectStore {
    /// Reads a whole object.
    public func get(_ name: String) async throws -> [UInt8] {
        try await get(name, range: nil)
    }

    @discardableResult
    public func put(_ name: String, contents: ObjectContents, condition: PutCondition) async throws -> ObjectVersion {
        try await put(name, bytes: try contents.read(), condition: condition)
    }

    /// Stores an object under a name that only ever has this content. Doing it again does nothing.
    ///
    /// - Throws: `preconditionFailed` when the name has another content.
    public func putOnce(_ name: String, bytes: [UInt8]) async throws { try await putOnce(name, contents: ObjectContents(bytes)) }

    /// The same with contents that may lie in files.
    public func putOnce(_ name: String, contents: ObjectContents) async throws {
        do { try await put(name, contents: contents, condition: .createOnly) } catch ObjectStoreError.preconditionFailed {
            guard try await holds(name, contents) else { throw ObjectStoreError.preconditionFailed(name: name) }
        }
    }

    /// Whether an object has exactly these bytes. Reads a piece at a time, so that a large one is not in memory twice.
    ///
    /// - Throws: `notFound`.
    func holds(_ name: String, _ contents: ObjectContents) async throws -> Bool {
        guard let size = try await size(name) else { throw ObjectStoreError.notFound(name: name) }
        guard size == Int64(contents.count) else { return false }
        let piece = 8 << 20
        for start in stride(from: 0, to: contents.count, by: piece) {
            let end = min(start + piece, contents.count)
            guard try await get(name, range: Int64(start)..<Int64(end)) == contents.read(start..<end) else { return false }
        }
        return true
    }

    /// Reads a whole object a piece at a time: one that is large takes longer than one request may.
    ///
    /// - Throws: `notFound`.
    public func getInPieces(_ name: String, of piece: Int = 8 << 20) async throws -> [UInt8] {
        guard let size = try await size(name).map({ Int($0) }) else { throw ObjectStoreError.notFound(name: name) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        for start in stride(from: 0, to: size, by: piece) {
            bytes += try await get(name, range: Int64(start)..<Int64(min(start + piece, size)))
        }
        return bytes
    }

    /// The size of an object in bytes, or `nil` when it definitely does not exist.
    public func size(_ name: String) async throws -> Int64? {
        try await head(name)?.size
    }
}
