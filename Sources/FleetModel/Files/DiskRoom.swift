import Foundation
import Synchronization

/// How full a file system is, as a writer sees it who has no right to what is kept for root.
public struct DiskSpace: Sendable, Hashable {
    public var totalBytes: Int64
    public var freeBytes: Int64

    public init(totalBytes: Int64, freeBytes: Int64) {
        self.totalBytes = totalBytes
        self.freeBytes = freeBytes
    }

    /// Of the file system that holds `path`.
    public init(of path: String) throws(FileFailure) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw FileFailure("statvfs", path) }
        let block = Int64(status.f_frsize)
        self.init(totalBytes: Int64(status.f_blocks) * block, freeBytes: Int64(status.f_bavail) * block)
    }

    public var usedBytes: Int64 { totalBytes - freeBytes }

    /// Whether as much as `percent` of it is used. Of a file system without blocks nothing is.
    func isUsed(to percent: Int) -> Bool { totalBytes > 0 && Double(usedBytes) * 100 >= Double(totalBytes) * Double(percent) }
}

/// When a disk is too full for databases to grow on it.
public struct DiskLimits: Sendable, Hashable, Codable {
    /// Of the file system of the data directory, in percent of its size: as full as this, nothing grows. 100: never by this.
    public var highWaterPercent = 95
    /// Less than this has to be used before things grow again.
    public var lowWaterPercent = 92
    /// With fewer free bytes nothing grows, whatever the percent say; until a quarter more are free. 0: never by this.
    public var minimumFreeBytes: Int64 = 0
    /// How long what was measured counts.
    public var interval: Duration = .milliseconds(250)
    /// Bytes that are written until it is measured again, however short ago that was.
    public var bytesBetweenLooks: Int64 = 4 << 20

    public init() {}
}

/// Whether a disk has room: with hysteresis, so that it does not change its mind with every file.
public struct DiskLevel: Sendable, Hashable {
    public private(set) var isLow = false

    public init() {}

    public mutating func note(_ space: DiskSpace, _ limits: DiskLimits) {
        let isFull = limits.highWaterPercent < 100 && space.isUsed(to: limits.highWaterPercent) || space.freeBytes < limits.minimumFreeBytes
        let isEasy = (limits.highWaterPercent >= 100 || !space.isUsed(to: limits.lowWaterPercent))
            && space.freeBytes >= limits.minimumFreeBytes + limits.minimumFreeBytes / 4
        isLow = isFull || isLow && !isEasy
    }
}

/// Whether the disk of a data directory has room for databases to grow. Measured when that is asked for, and not more often than is worth it.
public final class DiskRoom: Sendable {
    private struct State {
        var level = DiskLevel()
        var space: DiskSpace?
    }

    public let limits: DiskLimits
    private let state = Mutex(State())
    /// As in the state, for those who ask with every write.
    private let isLow = Atomic(false)
    /// On the machine's clock, in nanoseconds.
    private let nextLook = Atomic<Int64>(.min)
    private let writtenSince = Atomic<Int64>(0)
    private let measure: @Sendable () -> DiskSpace?

    /// - Parameter measure: `nil` when it cannot be measured; then what was known before counts.
    public init(_ limits: DiskLimits, measure: @escaping @Sendable () -> DiskSpace?) {
        invariant(limits.lowWaterPercent <= limits.highWaterPercent, "a disk would never have room again")
        self.limits = limits
        self.measure = measure
    }

    /// Of the file system that holds `directory`.
    public convenience init(of directory: String, _ limits: DiskLimits) { self.init(limits) { try? DiskSpace(of: directory) } }

    /// Whether something may grow, `bytes` having been written since that was asked last.
    public func hasRoom(afterWriting bytes: Int64 = 0) -> Bool {
        let written = bytes == 0 ? writtenSince.load(ordering: .relaxed) : writtenSince.add(bytes, ordering: .relaxed).newValue
        if written >= limits.bytesBetweenLooks || BootInstant.now.nanoseconds >= nextLook.load(ordering: .relaxed) { look() }
        return !isLow.load(ordering: .relaxed)
    }

    /// As it was measured last; `nil` when it cannot be measured.
    public var space: DiskSpace? { state.withLock { $0.space } }

    private func look() {
        writtenSince.store(0, ordering: .relaxed)
        nextLook.store(BootInstant.now.advanced(by: limits.interval).nanoseconds, ordering: .relaxed)
        guard let space = measure() else { return }
        state.withLock { state in
            state.space = space
            state.level.note(space, limits)
            isLow.store(state.level.isLow, ordering: .relaxed)
        }
    }
}
