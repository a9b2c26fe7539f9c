import BerthTestKit
import FleetModel
import Foundation
import Testing

@Suite
struct IdentifierTests {
    private func bytes<Of>(_ id: Identifier<Of>) -> [UInt8] { withUnsafeBytes(of: id.uuid.uuid) { Array($0) } }

    private func milliseconds<Of>(_ id: Identifier<Of>) -> UInt64 { bytes(id).prefix(6).reduce(0) { $0 << 8 | UInt64($1) } }

    /// The example of RFC 9562, appendix A.6: the layout, bit by bit.
    @Test func theLayoutIsThatOfVersionSeven() throws {
        struct Fixed: RandomNumberGenerator {
            var values: [UInt64]
            mutating func next() -> UInt64 { values.isEmpty ? 0 : values.removeFirst() }
        }
        let example = try #require(SessionID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"))
        #expect(milliseconds(example) == 0x017F_22E2_79B0)
        // Whatever the random bits are, everything else is given.
        for low in [UInt64.min, .max, 0x98C4_DC0C_0C07_398F] {
            var generator = Fixed(values: [low, low, low, low])
            let id = SessionID.timeOrdered(now: Date(timeIntervalSince1970: 1_645_557_742), using: &generator)
            #expect(milliseconds(id) == 0x017F_22E2_79B0)
            #expect(bytes(id)[6] >> 4 == 7)
            #expect(bytes(id)[8] >> 6 == 0b10)
        }
    }

    @Test func newIdentifiersCarryVersionAndTime() {
        for _ in 0..<200 {
            let before = UInt64(Date().timeIntervalSince1970 * 1000)
            let id = OperationID.timeOrdered()
            let after = UInt64(Date().timeIntervalSince1970 * 1000)
            #expect((before...after).contains(milliseconds(id)))
            let text = Array(id.description)
            #expect(text[14] == "7" && "89ab".contains(text[19]))
        }
    }

    @Test func theOrderIsThatOfTime() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            let earlier = UInt64.random(in: 0..<(1 << 47), using: &generator)
            let later = earlier + UInt64.random(in: 2...100_000, using: &generator)
            func id(_ milliseconds: UInt64) -> DatabaseID {
                .timeOrdered(now: Date(timeIntervalSince1970: Double(milliseconds) / 1000), using: &generator)
            }
            let (first, second) = (id(earlier), id(later))
            #expect(first < second && !(second < first))
            #expect(first.description < second.description)
        }
        #expect(DatabaseID.timeOrdered(now: .distantPast, using: &generator) < .timeOrdered())
    }

    @Test func randomOnesAreOfVersionFour() {
        var generator = SeededGenerator(seed: 1)
        var (seen, ones) = (Set<CopyID>(), [UInt8](repeating: 0, count: 16))
        for _ in 0..<1000 {
            let id = CopyID.random(using: &generator)
            #expect(bytes(id)[6] >> 4 == 4 && bytes(id)[8] >> 6 == 0b10)
            for (index, byte) in bytes(id).enumerated() { ones[index] |= byte }
            seen.insert(id)
        }
        #expect(seen.count == 1000)
        // Every other bit is random.
        #expect(ones == [255, 255, 255, 255, 255, 255, 0x4F, 255, 0xBF, 255, 255, 255, 255, 255, 255, 255])
        var (one, two) = (SeededGenerator(seed: 9), SeededGenerator(seed: 9))
        #expect(CopyID.random(using: &one) == CopyID.random(using: &two))
        #expect(Set((0..<1000).map { _ in TokenID.timeOrdered() }).count == 1000)
    }

    @Test func theTextIsTheLowerCaseUUID() throws {
        let id = try #require(DatabaseID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"))
        #expect(id.description == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let id = DatabaseID.random(using: &generator)
            #expect(DatabaseID(id.description) == id)
            #expect(DatabaseID(Substring(id.description)) == id)
            let json = try JSONEncoder().encode([id])
            #expect(String(decoding: json, as: UTF8.self) == "[\"\(id)\"]")
            #expect(try JSONDecoder().decode([DatabaseID].self, from: json) == [id])
        }
        #expect(DatabaseID.managerLease.description == "00000000-0000-0000-0000-000000000001")
    }

    @Test(arguments: [
        "", "x", "017f22e2", "017f22e279b07cc398c4dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2-79b0-7cc3-98c4dc0c0c07398f-",
        "017f22e279b0-7cc3-98c4-dc0c-0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n", "0x7f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "+17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "-17f22e2-79b0-7cc3-98c4-dc0c0c07398f", " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "*",
    ])
    func nothingElseIsAnIdentifier(_ text: String) throws {
        #expect(DatabaseID(text) == nil)
        let json = try JSONEncoder().encode([text])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([DatabaseID].self, from: json) }
    }

    @Test func theOrderIsThatOfTheBytes() {
        var generator = SeededGenerator(seed: 11)
        let ids = (0..<300).map { _ in SessionID.random(using: &generator) }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted())
        #expect(ids.sorted().map(bytes) == ids.map(bytes).sorted { $0.lexicographicallyPrecedes($1) })
        for id in ids { #expect(!(id < id)) }
    }
}
