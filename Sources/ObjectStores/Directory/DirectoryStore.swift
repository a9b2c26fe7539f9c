import FoundationEssentials
import Glibc
import NIOPosix

/// A bucket that is a folder: an object is a file, durable when a put returns.
///
/// Several processes of one machine may use the folder at once. A put writes a temporary file under `.berth/tmp`, syncs
/// it, links or renames it into place and syncs every folder up to the root, whoever made them. Create-only is
/// `link(2)`, which is atomic. A version is the start of the content's SHA-256, so `ifMatch` compares content; it holds
/// `.berth/lock` exclusively while every other replacement and deletion holds it shared.
///
/// System calls block threads of the store's own, never those of Swift's task pool.
public final class DirectoryStore: ObjectStore {
    private let folder: ObjectFolder
    private let threads: NIOThreadPool

    /// Opens a folder and makes it if it does not exist.
    ///
    /// - Parameters:
    ///   - path: Absolute or relative to the working directory.
    ///   - threadCount: How many requests are worked on at once.
    /// - Throws: ``ObjectStoreError``.
    public init(path: String, threadCount: Int = 4) throws {
        do {
            folder = try ObjectFolder(preparing: path)
        } catch let failure as PosixFailure {
            throw failure.storeError
        }
        threads = NIOThreadPool(numberOfThreads: max(1, threadCount))
        threads.start()
    }

    @discardableResult
    public func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        try await put(name, contents: ObjectContents(bytes), condition: condition)
    }

    @discardableResult
    public func put(_ name: String, contents: ObjectContents, condition: PutCondition) async throws -> ObjectVersion {
        try ObjectNaming.validate(name)
        return try await blocking { try $0.put(name, contents, condition) }
    }

    public func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        try ObjectNaming.validate(name)
        try ObjectNaming.validate(range: range)
        return try await blocking { try $0.get(name, range) }
    }

    /// What is known of an object. Reads all of it, because its version is made from its content.
    public func head(_ name: String) async throws -> ObjectInfo? {
        try ObjectNaming.validate(name)
        return try await blocking { try $0.head(name) }
    }

    public func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try ObjectNaming.validate(limit: limit)
        return try await blocking { try $0.list(prefix: prefix, after: after, limit: limit) }
    }

    public func delete(_ names: [String]) async throws {
        for name in names { try ObjectNaming.validate(name) }
        try await blocking { try $0.delete(names) }
    }

    public func shutdown() async throws {
        try await threads.shutdownGracefully()
    }

    private func blocking<Result: Sendable>(
        _ body: @escaping @Sendable (ObjectFolder) throws -> Result
    ) async throws -> Result {
        let folder = folder
        do {
            return try await threads.runIfActive { try body(folder) }
        } catch let failure as PosixFailure {
            throw failure.storeError
        }
    }
}
