import FleetModel
import Foundation
import Testing

@Suite
struct EpochTests {
    @Test func epochsCountUp() throws {
        #expect(Epoch.zero.value == 0 && Epoch.zero.next == Epoch(1))
        #expect(Epoch(7).next.next == Epoch(9))
        #expect(Epoch(1) < Epoch(2) && !(Epoch(2) < Epoch(2)) && Epoch(-1) < .zero)
        #expect(Epoch(12).description == "12")
        #expect(String(decoding: try JSONEncoder().encode([Epoch(12)]), as: UTF8.self) == "[12]")
        #expect(try JSONDecoder().decode([Epoch].self, from: Data("[12]".utf8)) == [Epoch(12)])
    }

    @Test(arguments: [
        (ChainPosition.origin, "0@0000000000000000"),
        (ChainPosition(seq: 1, checksum: 0xAB), "1@00000000000000ab"),
        (ChainPosition(seq: 18_446_744_073_709_551_615, checksum: .max), "18446744073709551615@ffffffffffffffff"),
        (ChainPosition(seq: 42, checksum: 0x8000_0000_0000_0000), "42@8000000000000000"),
        (ChainPosition(seq: 42, checksum: 0x0123_4567_89AB_CDEF), "42@0123456789abcdef"),
    ])
    func aPositionIsWrittenWithAllItsDigits(_ position: ChainPosition, _ text: String) throws {
        #expect(position.description == text)
        let json = try JSONEncoder().encode(position)
        #expect(try JSONDecoder().decode(ChainPosition.self, from: json) == position)
    }

    @Test func positionsAreEqualOnlyInBoth() {
        let position = ChainPosition(seq: 3, checksum: 5)
        #expect(position == ChainPosition(seq: 3, checksum: 5))
        #expect(position != ChainPosition(seq: 4, checksum: 5))
        #expect(position != ChainPosition(seq: 3, checksum: 6))
    }
}
