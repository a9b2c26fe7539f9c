import BerthTestKit
import FleetModel
import Synchronization
import Testing

struct DiskRoomTests {
    private static func space(used percent: Int) -> DiskSpace { DiskSpace(totalBytes: 100 << 30, freeBytes: Int64(100 - percent) << 30) }

    private static let limits = {
        var limits = DiskLimits()
        (limits.highWaterPercent, limits.lowWaterPercent, limits.minimumFreeBytes) = (90, 85, 4 << 30)
        return limits
    }()

    @Test func itDoesNotChangeItsMindAtTheMark() {
        var level = DiskLevel()
        let seen = [50, 89, 90, 89, 85, 84, 89, 90].map { percent in
            level.note(Self.space(used: percent), Self.limits)
            return level.isLow
        }
        #expect(seen == [false, false, true, true, true, false, false, true])
    }

    @Test func freeBytesCountByThemselves() {
        var limits = Self.limits
        (limits.highWaterPercent, limits.lowWaterPercent) = (100, 100)
        var level = DiskLevel()
        let seen = [95, 97, 96, 95, 94].map { percent in
            level.note(Self.space(used: percent), limits)
            return level.isLow
        }
        #expect(seen == [false, true, true, false, false])
    }

    /// Nothing is refused on a disk that is less than half as full as the mark, everything on one above it, whatever came before.
    @Test(arguments: 1...20) func whatItWasBeforeCountsBetweenTheMarksOnly(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var limits = DiskLimits()
        limits.highWaterPercent = Int.random(in: 2...99, using: &random)
        limits.lowWaterPercent = Int.random(in: 1...limits.highWaterPercent, using: &random)
        var level = DiskLevel()
        for _ in 0..<300 {
            let used = Int.random(in: 0...100, using: &random)
            let before = level.isLow
            level.note(Self.space(used: used), limits)
            switch used {
            case limits.highWaterPercent...: #expect(level.isLow)
            case ..<limits.lowWaterPercent: #expect(!level.isLow)
            default: #expect(level.isLow == before)
            }
        }
    }

    @Test func itIsMeasuredAgainWhenMuchWasWritten() {
        let looks = Atomic<Int>(0)
        var limits = DiskLimits()
        (limits.interval, limits.bytesBetweenLooks) = (.seconds(3_600), 1_000)
        let room = DiskRoom(limits) {
            looks.add(1, ordering: .relaxed)
            return looks.load(ordering: .relaxed) > 1 ? Self.space(used: 99) : Self.space(used: 1)
        }
        #expect(room.hasRoom() && room.hasRoom(afterWriting: 400) && room.hasRoom(afterWriting: 400))
        #expect(looks.load(ordering: .relaxed) == 1)
        #expect(!room.hasRoom(afterWriting: 400) && !room.hasRoom())
        #expect(looks.load(ordering: .relaxed) == 2 && room.space == Self.space(used: 99))
    }

    /// What was known counts on.
    @Test func aDiskThatCannotBeMeasured() {
        let known = Mutex<DiskSpace?>(nil)
        var limits = DiskLimits()
        limits.interval = .zero
        let room = DiskRoom(limits) { known.withLock { $0 } }
        #expect(room.hasRoom() && room.space == nil)
        known.withLock { $0 = Self.space(used: 99) }
        #expect(!room.hasRoom())
        known.withLock { $0 = nil }
        #expect(!room.hasRoom() && room.space == Self.space(used: 99))
    }

    @Test func theMachinesOwn() throws {
        let space = try DiskSpace(of: "/")
        #expect(space.totalBytes > 0 && space.usedBytes >= 0 && space.freeBytes >= 0)
        #expect(throws: FileFailure.self) { try DiskSpace(of: "/nowhere/at/all") }
    }
}
