import BerthTestKit
import FleetModel
import Glibc
import Testing

@testable import EngineHost

@Suite struct RequestTableTests {
    /// Calls of clients never take the last places, so that what is open can be cut and closed.
    @Test func somePlacesAreLeftForOthers() {
        var table = RequestTable<Int>()
        while table.add(0, leaving: 100) != nil {}
        #expect(table.count == RequestTable<Int>.limit - 100)
        for _ in 0..<100 {
            let number = table.add(1)
            #expect(number != nil)
        }
        let more = table.add(1)
        #expect(more == nil)
    }

    @Test func numbersUnderWayDifferInTheirPlacesAndNoneIsUsedTwice() {
        var generator = SeededGenerator(seed: 5)
        var table = RequestTable<Int>(), underWay: [UInt64: Int] = [:], used: Set<UInt64> = []
        for round in 0..<20_000 {
            if underWay.isEmpty || Bool.random(using: &generator) {
                guard let number = table.add(round) else {
                    Issue.record("no number is free")
                    return
                }
                #expect(used.insert(number).inserted && number != 0)
                #expect(!underWay.keys.contains { $0 & 0xFFFF == number & 0xFFFF })
                underWay[number] = round
                if underWay.count < 20 { continue }
            }
            guard let number = underWay.keys.min() else { continue }
            let (removed, again) = (table.remove(number), table.remove(number))
            #expect(removed == underWay.removeValue(forKey: number) && again == nil)
            #expect(table.count == underWay.count)
        }
        let left = table.removeAll()
        #expect(Dictionary(uniqueKeysWithValues: left.map { ($0.number, $0.value) }) == underWay)
        #expect(table.count == 0)
    }

    @Test func asManyAsThereArePlacesAreUnderWayAtOnce() {
        var table = RequestTable<Int>()
        let numbers = (0..<RequestTable<Int>.limit).compactMap { table.add($0) }
        #expect(numbers.count == RequestTable<Int>.limit)
        let beyond = table.add(0), removed = table.remove(1 << 16 | 9), next = table.add(0)
        #expect(beyond == nil && removed == 9 && next == 2 << 16 | 9)
    }

    @Test func numbersThatNobodyGaveOutAreUnknown() {
        var table = RequestTable<Int>()
        for number in [0, 1 << 16, 0xFFFF, UInt64.max] {
            let removed = table.remove(number)
            #expect(removed == nil)
        }
    }
}

@Suite struct ExecutionBoardTests {
    @Test func bothEndsSeeTheSame() throws {
        let board = try ExecutionBoard()
        let other = try #require(ExecutionBoard(inherited: dup(board.descriptor)))
        let watch = BoardWatch(other, clock: BootClock())
        let (a, b) = (DatabaseID.random(), DatabaseID.random())
        let deadline = BootInstant.now + .seconds(5)
        let first = watch.began(a, calls: [7 << 16 | 3, 0], deadline: deadline, for: nil),
            second = watch.began(b, calls: [], deadline: nil, for: nil)
        #expect(Set(board.works.map(\.database)) == [a, b])
        #expect(Set(board.works.map(\.deadline)) == [deadline, nil])
        #expect(board.hasBegun(7 << 16 | 3) && !board.hasBegun(8 << 16 | 3) && !board.hasBegun(7 << 16 | 4))
        watch.ended(first)
        #expect(board.works.map(\.database) == [b])
        #expect(board.hasBegun(7 << 16 | 3))
        watch.ended(second)
        #expect(board.works.isEmpty)
    }

    @Test func theGateIsOpenUntilItsTime() throws {
        let board = try ExecutionBoard()
        #expect(!board.gateIsOpen(at: .now))
        board.setGate(.now + .seconds(60))
        #expect(board.gateIsOpen(at: .now))
        board.setGate(.now)
        #expect(!board.gateIsOpen(at: .now))
    }

    /// Reading beyond the end of a file that was shortened would end the node.
    @Test func nobodyCanShortenIt() throws {
        let board = try ExecutionBoard()
        #expect(ftruncate(board.descriptor, 0) != 0)
        #expect(board.works.isEmpty)
    }

    @Test func moreAtOnceThanThereAreRowsIsCarriedOutAllTheSame() throws {
        let board = try ExecutionBoard()
        let watch = BoardWatch(board, clock: BootClock())
        let database = DatabaseID.random()
        let works = (0..<ExecutionBoard.rows + 1).map { watch.began(database, calls: [UInt64($0) + 1], deadline: nil, for: nil) }
        #expect(board.works.count == ExecutionBoard.rows && board.hasBegun(UInt64(ExecutionBoard.rows) + 1))
        for work in works { watch.ended(work) }
        #expect(board.works.isEmpty)
    }
}
