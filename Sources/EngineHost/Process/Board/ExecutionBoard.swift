import CLinux
import FleetModel
import Foundation
import Glibc
import Synchronization

/// What a host is carrying out, in memory that its node shares: it can be read when the host is dead, and costs no message.
///
/// ```
/// 0       gate       u64  until when work may be begun: nanoseconds of the clock that node and host have in common; the node writes it
/// 8       taken      u64  descriptors that databases take
/// 16      overdue    u64  1 + the row of the work for which the watchdog ended the host
/// 24      crashed    u64  the thread that crashed
/// 64      rows       512 × 64: work (0 for a free row), since, deadline, database (16 bytes), thread, whether a request asked for it
/// 64 KiB  calls      65,536 × 8: the last request that was begun, by the low 16 bits of its number
/// ```
///
/// The numbers of requests under way differ in their low 16 bits (``RequestTable``), so the second table says of each whether it was begun. The
/// node believes nothing here beyond that and what it tells people: a host that lies harms its own databases.
package final class ExecutionBoard: Sendable {
    static let rows = 512
    static let calls = 1 << 16
    private static let rowWords = 8
    private static let firstRow = 8
    private static let firstCall = (64 << 10) / 8
    static let byteCount = (firstCall + calls) * 8

    /// What a piece of work in a row is.
    struct Work: Sendable, Hashable {
        var row: Int
        var number: UInt64
        var database: DatabaseID
        var since: BootInstant
        /// `nil` when it has none.
        var deadline: BootInstant?
        /// As `pthread_self` names it in the host.
        var thread: UInt64
        /// A request asked for it, which can be ended.
        var isRequest = false
    }

    /// Of the memory; a host inherits it.
    let descriptor: Int32
    // Safe: mapped until `deinit`, all zeros at first, and only used as atomics. `Atomic<UInt64>` is its eight bytes and nothing else.
    private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// Makes one, which nobody can shorten: reading beyond the end of what is mapped would end the node.
    init() throws(BerthError) {
        descriptor = berth_memfd("berth-board")
        let isMade = descriptor >= 0 && ftruncate(descriptor, off_t(Self.byteCount)) == 0
        guard isMade, fcntl(descriptor, Self.addSeals, Self.sealAgainstResizing) == 0, let words = Self.map(descriptor) else {
            if descriptor >= 0 { close(descriptor) }
            throw BerthError(.internalError, "No memory can be shared with an engine host: \(String(cString: strerror(errno))).")
        }
        self.words = words
    }

    /// The one of the node, by an inherited descriptor.
    init?(inherited descriptor: Int32) {
        guard let words = Self.map(descriptor) else { return nil }
        self.descriptor = descriptor
        self.words = words
    }

    deinit {
        munmap(words, Self.byteCount)
        close(descriptor)
    }

    private static let addSeals: Int32 = 1033
    private static let sealAgainstResizing: Int32 = 0x1 | 0x2 | 0x4

    private static func map(_ descriptor: Int32) -> UnsafeMutablePointer<Atomic<UInt64>>? {
        guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else { return nil }
        return memory.bindMemory(to: Atomic<UInt64>.self, capacity: byteCount / 8)
    }

    private subscript(word: Int) -> UInt64 { words[word].load(ordering: .acquiring) }

    private func set(_ word: Int, _ value: UInt64) { words[word].store(value, ordering: .releasing) }

    // MARK: The gate

    /// Until when work may be begun. The one who writes it owns the lease; nothing may be begun before it was written.
    var gate: BootInstant { BootInstant(nanoseconds: Int64(bitPattern: self[0])) }

    func setGate(_ instant: BootInstant) { set(0, UInt64(bitPattern: instant.nanoseconds)) }

    func gateIsOpen(at now: BootInstant) -> Bool { now < gate }

    // MARK: Descriptors

    var descriptorsTaken: Int { Int(clamping: self[1]) }

    func setDescriptors(_ count: Int) { set(1, UInt64(count)) }

    // MARK: What is carried out

    func put(_ work: Work) {
        invariant(work.row < Self.rows && work.number != 0, "a row of the board that does not exist")
        let start = Self.firstRow + work.row * Self.rowWords
        let (high, low) = Self.halves(work.database)
        set(start + 1, UInt64(bitPattern: work.since.nanoseconds))
        set(start + 2, UInt64(bitPattern: work.deadline?.nanoseconds ?? .max))
        set(start + 3, high)
        set(start + 4, low)
        set(start + 5, work.thread)
        set(start + 6, work.isRequest ? 1 : 0)
        set(start, work.number)
    }

    func clear(_ row: Int) { set(Self.firstRow + row * Self.rowWords, 0) }

    func work(in row: Int) -> Work? {
        let start = Self.firstRow + row * Self.rowWords
        let number = self[start]
        guard number != 0 else { return nil }
        let deadline = Int64(bitPattern: self[start + 2])
        let work = Work(
            row: row, number: number, database: Self.database(self[start + 3], self[start + 4]),
            since: BootInstant(nanoseconds: Int64(bitPattern: self[start + 1])),
            deadline: deadline == .max ? nil : BootInstant(nanoseconds: deadline), thread: self[start + 5],
            isRequest: self[start + 6] != 0)
        return self[start] == number ? work : nil
    }

    /// Everything that is being carried out, or was when the host ended.
    var works: [Work] { (0..<Self.rows).compactMap(work(in:)) }

    /// The work that the host was ended for.
    var overdue: Work? {
        let row = self[2]
        return row == 0 || row > Self.rows ? nil : work(in: Int(row) - 1)
    }

    /// The work that the thread did that crashed; `nil` when nothing is known of it.
    var crashed: Work? {
        let thread = self[3]
        return thread == 0 ? nil : works.first { $0.thread == thread }
    }

    /// Written to by ``CrashNote``, for as long as this is there.
    var crashedThreadPlace: UnsafeMutableRawPointer { UnsafeMutableRawPointer(words + 3) }

    func setOverdue(_ work: Work) { set(2, UInt64(work.row) + 1) }

    // MARK: Calls

    func begin(_ call: UInt64) { set(Self.firstCall + Int(call & UInt64(Self.calls - 1)), call) }

    func hasBegun(_ call: UInt64) -> Bool { self[Self.firstCall + Int(call & UInt64(Self.calls - 1))] == call }

    private static func halves(_ database: DatabaseID) -> (UInt64, UInt64) {
        withUnsafeBytes(of: database.uuid.uuid) { ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)) }
    }

    private static func database(_ high: UInt64, _ low: UInt64) -> DatabaseID {
        var halves = (high, low)
        return DatabaseID(withUnsafeBytes(of: &halves) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) })
    }
}
