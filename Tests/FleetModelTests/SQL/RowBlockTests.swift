import FleetModel
import Testing

struct RowBlockTests {
    private let rows: [[SQLValue]] = [
        [.null, .integer(.min), .real(-0.5)], [.text(""), .text("grün 🌱"), .blob([])],
        [.blob([0, 1, 255]), .text(String(repeating: "x", count: 300)), .integer(.max)],
    ]

    @Test func valuesComeBackAsTheyWere() {
        let block = RowBlock(rows)
        #expect(block.count == 3 && block.values == rows && block.columnCount == 3)
        #expect(block.byteCount == 9 * 8 + Array("grün 🌱".utf8).count + 3 + 300)
        var columns: [Int] = []
        block.forEachValue { column, _ in columns.append(column) }
        #expect(columns == [0, 1, 2, 0, 1, 2, 0, 1, 2])
        #expect(RowBlock(columnCount: 2).values.isEmpty && RowBlock(columnCount: 0).values.isEmpty)
    }

    @Test func textThatIsNotUTF8IsRepaired() {
        var block = RowBlock(columnCount: 1)
        for bytes in [[0x61, 0xFF, 0x62], [0xC3], Array("plain ascii, longer than eight".utf8)] as [[UInt8]] {
            bytes.withUnsafeBytes { block.append(text: $0) }
        }
        #expect(block.values == [[.text("a\u{FFFD}b")], [.text("\u{FFFD}")], [.text("plain ascii, longer than eight")]])
    }

    @Test func blocksAreEqualWhenTheirRowsAre() {
        let block = RowBlock(rows)
        #expect(block == RowBlock(rows) && block.hashValue == RowBlock(rows).hashValue)
        #expect(block != RowBlock(Array(rows.dropLast())) && block != RowBlock(rows.map { Array($0.dropLast()) }))
        #expect(RowBlock(columnCount: 2) == RowBlock(columnCount: 0))
        #expect(RowBlock([[.integer(1), .integer(2)]]) != RowBlock([[.integer(1)], [.integer(2)]]))
    }

    @Test func rowsAreTakenBitByBit() {
        let rows: [[SQLValue]] = (0..<10).map { [.integer($0), .text(String(repeating: "x", count: Int($0)))] }
        let block = RowBlock(rows)
        for limit in [0, 1, 17, 50, 1_000] {
            var position = RowBlock.Position(), taken: [[SQLValue]] = []
            while case let part = block.part(from: &position, atMost: limit), !part.isEmpty {
                // The last row may go beyond.
                #expect(part.count == 1 || RowBlock(Array(part.values.dropLast())).byteCount < limit)
                taken += part.values
            }
            #expect(taken == rows)
            #expect(block.part(from: &position, atMost: limit).isEmpty, "at the end also when asked again")
        }
    }
}
