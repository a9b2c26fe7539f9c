public import FleetModel
import Foundation

/// The files of one database on this node's disk: a cache of the bucket.
///
/// A mark beside the files says "what they hold is exactly this position". It is taken away, durably, before the
/// files are opened for writing and set again after a clean close. A copy without a mark is trusted only as far as its
/// ``CopyWatermark`` and its engine prove what it is.
public struct LocalCopy: Sendable {
    /// What a mark says.
    public struct Mark: Sendable, Hashable, Codable {
        public var position: ChainPosition
        public var copy: CopyID

        public init(position: ChainPosition, copy: CopyID) {
            self.position = position
            self.copy = copy
        }
    }

    public let database: DatabaseID
    public let directory: String
    public var filePath: String { directory + "/db" }
    private var markPath: String { directory + "/clean.json" }
    private var watermarkPath: String { directory + "/watermark.json" }

    /// - Parameter root: the node's data directory.
    public init(database: DatabaseID, in root: String) {
        self.database = database
        let name = database.description
        // 4,096 folders, so that none holds too many. The end of a UUIDv7 is random, its beginning is not.
        self.directory = "\(root)/databases/\(name.suffix(3))/\(name)"
    }

    /// The mark, `nil` when the copy is not to be trusted.
    ///
    /// - Throws: code `disk_unavailable` when that cannot be found out now, for want of descriptors for instance: a copy is not to be
    ///   replaced for that.
    public func mark() throws(BerthError) -> Mark? {
        guard let data = try content(markPath), let mark = try? JSONDecoder().decode(Mark.self, from: data) else { return nil }
        if mark.position == .origin { return mark }
        return try exists(filePath) ? mark : nil
    }

    /// Sets the mark, durably.
    ///
    /// - Throws: code `disk_unavailable`.
    public func markClean(at position: ChainPosition, copy: CopyID) throws(BerthError) {
        do {
            try makeDirectory()
            let data = try JSONEncoder().encode(Mark(position: position, copy: copy))
            let temporary = markPath + ".new"
            try data.write(to: URL(fileURLWithPath: temporary))
            try sync(temporary)
            guard rename(temporary, markPath) == 0 else { throw failure("rename \(temporary)") }
            try remove(watermarkPath)
            try sync(directory)
        } catch { throw diskError(error) }
    }

    /// Takes the mark away, and the watermark, durably: from now on the file may change.
    ///
    /// - Throws: code `disk_unavailable`.
    public func markDirty() throws(BerthError) {
        do {
            try makeDirectory()
            try remove(watermarkPath)
            try remove(markPath)
            // Also when there is none: an earlier attempt may have removed it and failed to make that last.
            try sync(directory)
        } catch { throw diskError(error) }
    }

    /// What a process that died left behind; `nil` when it left nothing that could be believed.
    ///
    /// - Throws: code `disk_unavailable` when that cannot be found out now.
    public func watermark() throws(BerthError) -> CopyWatermark? {
        guard let data = try content(watermarkPath), let watermark = CopyWatermark(encoded: data), watermark.boot == MachineRun.id else {
            return nil
        }
        return try exists(filePath) ? watermark : nil
    }

    /// Replaces the watermark, not durably.
    ///
    /// - Throws: code `disk_unavailable`; the former one is left then.
    public func write(_ watermark: CopyWatermark) throws(BerthError) {
        do {
            let temporary = watermarkPath + ".new"
            try watermark.encoded().write(to: URL(fileURLWithPath: temporary))
            guard rename(temporary, watermarkPath) == 0 else { throw failure("rename \(temporary)") }
        } catch { throw diskError(error) }
    }

    /// Takes the watermark away: the files are not to be gone on with.
    ///
    /// - Throws: code `disk_unavailable`.
    public func removeWatermark() throws(BerthError) { try remove(watermarkPath) }

    private func remove(_ path: String) throws(BerthError) {
        if unlink(path) != 0 && errno != ENOENT { throw failure("unlink \(path)") }
    }

    /// Removes everything there is of this copy.
    ///
    /// - Throws: code `disk_unavailable`.
    public func wipe() throws(BerthError) {
        try markDirty()
        do {
            for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
                try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
            }
        } catch { throw diskError(error) }
    }

    var asidePath: String { directory + "/aside" }

    /// Moves the files of this copy, which do not open, into the folder `aside` beside them, instead of what is there.
    ///
    /// - Throws: code `disk_unavailable`.
    public func setAside() throws(BerthError) {
        try markDirty()
        do {
            let files = FileManager.default
            if files.fileExists(atPath: asidePath) { try files.removeItem(atPath: asidePath) }
            let names = try files.contentsOfDirectory(atPath: directory)
            try files.createDirectory(atPath: asidePath, withIntermediateDirectories: true)
            for name in names { try files.moveItem(atPath: "\(directory)/\(name)", toPath: "\(asidePath)/\(name)") }
        } catch { throw diskError(error) }
    }

    /// The content of a small file; `nil` when there is none.
    private func content(_ path: String) throws(BerthError) -> Data? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open \(path)")
        }
        defer { close(descriptor) }
        var data = Data()
        var buffer = [UInt8](repeating: 0, count: 4 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("read \(path)") }
            if count == 0 { return data }
            data.append(contentsOf: buffer[..<count])
        }
    }

    private func exists(_ path: String) throws(BerthError) -> Bool {
        if access(path, F_OK) == 0 { return true }
        guard errno == ENOENT else { throw failure("access \(path)") }
        return false
    }

    private func makeDirectory() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync \(path)") }
    }

    private func failure(_ what: String) -> BerthError {
        BerthError(.diskUnavailable, "\(what): \(String(cString: strerror(errno))). Check the node's data directory and its disk.")
    }

    private func diskError(_ error: any Error) -> BerthError {
        error as? BerthError
            ?? BerthError(.diskUnavailable, "\(directory): \(error.localizedDescription). Check the node's data directory and its disk.")
    }
}
