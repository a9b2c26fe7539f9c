import BerthTestKit
import FleetModel
import Hrana
import Testing

/// Whatever the bytes are, decoding answers a request or throws; it never traps.
@Suite struct RequestFuzzTests {
    /// Decodes as every kind of body; the number of them that were accepted.
    @discardableResult
    private func decodeAll(_ body: [UInt8]) -> Int {
        var accepted = 0
        func attempt(_ decode: () throws(BerthError) -> Void) {
            do throws(BerthError) {
                try decode()
                accepted += 1
            } catch {
                #expect(error.code == .malformedRequest)
            }
        }
        attempt { () throws(BerthError) in _ = try ExecuteRequest(decoding: body) }
        attempt { () throws(BerthError) in _ = try BatchRequest(decoding: body) }
        attempt { () throws(BerthError) in _ = try PipelineRequest(decoding: body, version: .two) }
        attempt { () throws(BerthError) in _ = try PipelineRequest(decoding: body, version: .three) }
        attempt { () throws(BerthError) in _ = try CursorRequest(decoding: body) }
        return accepted
    }

    @Test(arguments: RequestSamples.all)
    func truncatedAtEveryOffset(_ sample: String) {
        let body = utf8(sample)
        #expect(decodeAll(body) > 0)
        for count in 0..<body.count {
            #expect(decodeAll(Array(body[..<count])) == 0, "cut after \(count) bytes")
        }
    }

    @Test(arguments: RequestSamples.all)
    func mutated(_ sample: String) {
        let original = utf8(sample)
        let interesting = utf8(#"{}[]",:\/-+.eE0123456789utfn"# + " \n") + [0, 0x1F, 0x7F, 0x80, 0xC3, 0xED, 0xF4, 0xFF]
        var generator = SeededGenerator(seed: UInt64(original.count))
        for _ in 0..<1_000 {
            var body = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !body.isEmpty {
                let place = Int.random(in: 0..<body.count, using: &generator)
                let byte = interesting.randomElement(using: &generator) ?? 0
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: body[place] = byte
                case 1: body.insert(byte, at: place)
                case 2: body.remove(at: place)
                case 3: body.removeSubrange(place..<min(body.count, place + Int.random(in: 1...20, using: &generator)))
                default:
                    let piece = Array(body[place..<min(body.count, place + Int.random(in: 1...40, using: &generator))])
                    body.insert(contentsOf: piece, at: Int.random(in: 0...body.count, using: &generator))
                }
            }
            decodeAll(body)
        }
    }

    @Test func randomBytes() {
        var generator = SeededGenerator(seed: 77)
        let alphabet = utf8(#"{}[]",:\u0tf"typestmt1e"#) + [0xC3, 0xA9]
        for _ in 0..<1_000 {
            decodeAll((0..<Int.random(in: 0...60, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 })
        }
    }
}
