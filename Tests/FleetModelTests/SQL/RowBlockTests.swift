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
        var writer = RowWriter(columnCount: 1)
        for bytes in [[0x61, 0xFF, 0x62], [0xC3], Array("plain ascii, longer than eight".utf8)] as [[UInt8]] {
            bytes.withUnsafeBytes { writer.append(text: $0) }
        }
        #expect(writer.finish().values == [[.text("a\u{FFFD}b")], [.text("\u{FFFD}")], [.text("plain ascii, longer than eight")]])
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

    /// The rows of several results are written one after the other, and each has its part of the same memory.
    @Test func partsOfABlockAreBlocks() {
        var writer = RowWriter(columnCount: 3)
        for value in rows[0] { writer.append(value) }
        let first = writer.point
        #expect(writer.byteCount == RowBlock([rows[0]]).byteCount)
        let second = writer.point
        for row in rows[1...] { for value in row { writer.append(value) } }
        #expect(writer.count == 3 && writer.byteCount == RowBlock(rows).byteCount)
        let last = writer.point
        let all = writer.finish()
        #expect(all == RowBlock(rows) && writer.isEmpty && writer.byteCount == 0)
        let parts = [all.part(from: .start, to: first), all.part(from: first, to: second), all.part(from: second, to: last)]
        #expect(parts.map(\.values) == [[rows[0]], [], Array(rows[1...])])
        #expect(parts.map(\.byteCount) == [[rows[0]], [], Array(rows[1...])].map { RowBlock($0).byteCount })
        #expect(parts[2] == RowBlock(Array(rows[1...])) && parts[2].hashValue == RowBlock(Array(rows[1...])).hashValue)
        var position = RowBlock.Position()
        #expect(parts[2].part(from: &position, atMost: 0).values == [rows[1]] && parts[2].part(from: &position, atMost: 0).values == [rows[2]])
        // Used again, for other columns.
        writer.begin(columnCount: 1)
        writer.append(7 as Int64)
        #expect(writer.finish().values == [[.integer(7)]])
        writer.append(8 as Int64)
        writer.removeAll(keepingAtMost: 0)
        writer.append(9 as Int64)
        #expect(writer.finish().values == [[.integer(9)]])
    }
}
