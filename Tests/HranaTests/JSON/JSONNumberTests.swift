import BerthTestKit
import Hrana
import Testing

@Suite struct JSONNumberTests {
    private func integer<Integer: FixedWidthInteger>(_ text: String, _ type: Integer.Type = Int64.self) throws(JSONError) -> Integer {
        var reader = JSONReader(utf8(text))
        let value = try reader.readInteger(type)
        try reader.finish()
        return value
    }

    private func double(_ text: String) throws(JSONError) -> Double {
        var reader = JSONReader(utf8(text))
        let value = try reader.readDouble()
        try reader.finish()
        return value
    }

    @Test func integersAreExactOverTheWholeRange() throws {
        #expect(try integer("9223372036854775807") == Int64.max)
        #expect(try integer("-9223372036854775808") == Int64.min)
        #expect(try integer("9007199254740993") == 9_007_199_254_740_993)
        #expect(try integer("-0") == 0)
        #expect(try integer("4294967295", UInt32.self) == .max)
    }

    @Test(arguments: ["9223372036854775808", "-9223372036854775809", "99999999999999999999999999", "1.0", "1e3"])
    func refusesWhatIsNoInteger(_ text: String) {
        #expect(throws: JSONError(.notAnInteger, at: 0)) { try integer(text) }
    }

    @Test func refusesNegativeNumbersForUnsignedFields() {
        #expect(throws: JSONError(.notAnInteger, at: 0)) { try integer("-1", UInt32.self) }
        #expect(throws: JSONError(.notAnInteger, at: 0)) { try integer("4294967296", UInt32.self) }
    }

    @Test func doublesAreTheNearestOnes() throws {
        #expect(try double("0.1") == 0.1)
        #expect(try double("-0").sign == .minus)
        #expect(try double("1E2") == 100)
        #expect(try double("18446744073709551617") == 18_446_744_073_709_551_616)
        #expect(try double("5e-324") == .leastNonzeroMagnitude)
        #expect(try double("1e-999") == 0)
        #expect(try double("1e999") == .infinity)
        #expect(try double("-1e999") == -.infinity)
        // Half way between two doubles, then just above: only the last digit decides.
        #expect(try double("9007199254740993.0") == 9_007_199_254_740_992)
        #expect(try double("9007199254740993." + String(repeating: "0", count: 800) + "1") == 9_007_199_254_740_994)
    }

    @Test func writtenNumbersReadBackAsTheSame() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<2_000 {
            let bits = UInt64.random(in: 0...(.max), using: &generator)
            var writer = JSONWriter()
            writer.integer(Int64(bitPattern: bits))
            #expect(try integer(text(writer.bytes)) == Int64(bitPattern: bits))

            let number = Double(bitPattern: bits)
            if number.isNaN { continue }
            writer.removeAll()
            writer.double(number)
            #expect(try double(text(writer.bytes)).bitPattern == number.bitPattern)
        }
    }

    @Test func writesTheExtremes() {
        var writer = JSONWriter()
        for value in [Int64.min, .max, 0, -1] {
            writer.integer(value)
            writer.literal(" ")
        }
        for value in [Double.infinity, -.infinity, -0.0, .greatestFiniteMagnitude, 0.1, 1e21, .leastNonzeroMagnitude] {
            writer.double(value)
            writer.literal(" ")
        }
        #expect(
            text(writer.bytes)
                == "-9223372036854775808 9223372036854775807 0 -1 1e999 -1e999 -0.0 1.7976931348623157e+308 0.1 1e+21 5e-324 ")
    }
}
