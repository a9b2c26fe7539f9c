import BerthTestKit
import FleetModel
import Testing

@testable import EngineHost

@Suite struct FrameTests {
    /// Frames as they are read from bytes that arrive in pieces of random lengths.
    private func received(_ bytes: [UInt8], seed: UInt64, _ body: (UInt8, UInt64, inout FrameReader) throws(FrameError) -> Void) throws {
        var generator = SeededGenerator(seed: seed)
        var splitter = FrameSplitter()
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = splitter.fill { memory in
                let count = min(memory.count, rest.count, Int.random(in: 1...(Bool.random(using: &generator) ? 8 : 1 << 20), using: &generator))
                memory.copyBytes(from: rest.prefix(count))
                return count
            }
            rest = rest.dropFirst(count)
            try splitter.forEach(body)
        }
    }

    @Test(arguments: 1...5) func everyRequestIsReadAsItWasWritten(_ seed: UInt64) throws {
        var writer = FrameWriter(), again = FrameWriter(), numbers: [UInt64] = []
        for (index, request) in FrameSamples.requests.enumerated() { request.write(UInt64(index) << 32, to: &writer) }
        try received(writer.bytes, seed: seed) { kind, number, reader throws(FrameError) in
            try HostRequest(kind, &reader).write(number, to: &again)
            numbers.append(number >> 32)
        }
        #expect(numbers == Array(0..<UInt64(FrameSamples.requests.count)))
        // The watermarks in it are JSON, whose members have no order.
        #expect(again.bytes.count == writer.bytes.count)
    }

    @Test(arguments: 1...5) func everyMessageIsReadAsItWasWritten(_ seed: UInt64) throws {
        var writer = FrameWriter(), again = FrameWriter()
        for (index, message) in FrameSamples.messages.enumerated() { message.write(UInt64(index) << 32, to: &writer) }
        try received(writer.bytes, seed: seed) { kind, number, reader throws(FrameError) in
            try HostMessage(kind, &reader).write(number, to: &again)
        }
        #expect(again.bytes == writer.bytes)
    }

    @Test func noFrameIsWholeBeforeItsEndOrLongerThanIt() throws {
        for bytes in FrameSamples.requests.map(FrameSamples.bytes) + FrameSamples.messages.map(FrameSamples.bytes) {
            var count = 0
            try received(Array(bytes.dropLast()), seed: 1) { _, _, _ in count += 1 }
            #expect(count == 0)
        }
        for request in FrameSamples.requests {
            var bytes = FrameSamples.bytes(request) + [0]
            bytes[0] &+= 1
            if bytes[0] == 0 { continue }
            #expect(throws: FrameError.self) {
                try received(bytes, seed: 1) { kind, _, reader throws(FrameError) in _ = try HostRequest(kind, &reader) }
            }
        }
    }

    @Test func framesOfAllLengthsAreToldApart() throws {
        var generator = SeededGenerator(seed: 11)
        var writer = FrameWriter(), lengths: [Int] = []
        for _ in 0..<200 {
            let length = Int.random(in: 0...FrameLimits.inlineBytes >> Int.random(in: 0...17, using: &generator), using: &generator)
            lengths.append(length)
            HostMessage.answer(HostAnswer(.success(HostReply(body: Array(repeating: 5, count: length))), .nothing), nil).write(1, to: &writer)
        }
        var found: [Int] = []
        try received(writer.bytes, seed: 3) { kind, _, reader throws(FrameError) in
            guard case .answer(let answer, nil) = try HostMessage(kind, &reader), case .success(let reply) = answer.content else { return }
            found.append(reply.body.count)
        }
        #expect(found == lengths)
    }

    @Test(arguments: [0, 8, FrameLimits.frameBytes + 1, Int(UInt32.max)]) func aLengthThatNoFrameHasIsRefused(_ length: Int) {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(repeating: 0, count: 64)
        #expect(throws: FrameError.self) { try received(bytes, seed: 1) { _, _, _ in } }
    }

    @Test func aTextThatIsTooLongIsCutOffBetweenCharacters() throws {
        let text = String(repeating: "é", count: FrameLimits.textBytes)
        var writer = FrameWriter()
        HostMessage.failed(.hostLost("x" + text)).write(0, to: &writer)
        var found = ""
        try received(writer.bytes, seed: 1) { kind, _, reader throws(FrameError) in
            if case .failed(.hostLost(let text)) = try HostMessage(kind, &reader) { found = text }
        }
        #expect(found == "x" + text.prefix(FrameLimits.textBytes / 2 - 1))
    }
}
