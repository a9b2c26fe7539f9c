import FleetModel
import Testing

struct RowBlockTests {
    private let rows: [[SQLValue]] = [
        [.null, .integer(.min), .real(-0.5)], [.text(""), .text("grün 🌱"), .blob([])],
        [.blob([0, 1, 255]), .text(String(repeating: "x", count: 300)), .integer(.max)],
    ]

    private func block(_ rows: [[SQLValue]], columns: Int) -> RowBlock {
        var block = RowBlock(columnCount: columns, reserving: 8)
        for row in rows { for value in row { block.append(value) } }
        return block
    }

    @Test func valuesComeBackAsTheyWere() {
        let block = block(rows, columns: 3)
        #expect(block.count == 3 && block.values == rows)
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

    @Test func aResultIsTheSameHoweverItsRowsAreKept() {
        var packed = SQLResult()
        packed.rowBlock = block(rows, columns: 3)
        var separate = SQLResult()
        separate.rows = rows
        #expect(packed == separate && packed.hashValue == separate.hashValue && packed.rowCount == 3)
        packed.rows.append([.null, .null, .null])
        #expect(packed.rowBlock == nil && packed.rows == rows + [[.null, .null, .null]])
    }
}
