import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import Door

/// The handlers in a pipeline, on an event loop whose time the tests move.
struct WatchTests {
    /// Answers when it is told to.
    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private(set) var heads = 0
        private(set) var ends = 0
        private(set) var errors = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head: heads += 1
            case .body: break
            case .end: ends += 1
            }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { errors += 1 }
    }

    private let channel = EmbeddedChannel()
    private let answerer = Answerer()
    private let door: Door
    /// What a socket would not have taken.
    private let untaken = Untaken()

    private final class Untaken: Sendable {
        let bytes = Atomic(0)
    }

    init() throws {
        var limits = DoorLimits()
        (limits.idle, limits.head, limits.refusedBody, limits.pipelinedRequests) = (.seconds(75), .seconds(10), .seconds(30), 2)
        (limits.bodyWindow, limits.bodyRate, limits.answerWindow, limits.answerRate) = (.seconds(10), 10, .seconds(20), 10)
        limits.answerBytes = 1_000
        door = Door(limits) { [untaken] _ in untaken.bytes.load(ordering: .relaxed) }
        let watchers = try #require(try door.enter(channel))
        try channel.pipeline.syncOperations.addHandlers([
            watchers.bytes, HTTPResponseEncoder(), ByteToMessageHandler(HTTPRequestDecoder()), watchers.requests, answerer,
        ])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func send(_ text: String) throws {
        try channel.writeInbound(ByteBuffer(string: text))
        // As a socket does of itself.
        channel.read()
    }

    private func answer(_ status: HTTPResponseStatus = .ok, _ body: String = "", flushes: Bool = true) {
        var head = HTTPResponseHead(version: .http1_1, status: status)
        head.headers.add(name: "content-length", value: "\(body.utf8.count)")
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
        channel.write(HTTPServerResponsePart.end(nil), promise: nil)
        if flushes { channel.flush() }
    }

    private func written() throws -> String {
        var text = ""
        while let data = try channel.readOutbound(as: IOData.self) {
            if case .byteBuffer(let buffer) = data { text += String(buffer: buffer) }
        }
        return text
    }

    private static let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"

    @Test func halfAHeadIsGivenItsTimeAndNoMore() throws {
        try send("POST / HT")
        for _ in 0..<9 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try send("T")
        }
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func aTricklingBodyIsCutOff() throws {
        try send(Self.head + "12345678")
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        try send("9")
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func requestsThatComeInTimeKeepTheirConnection() throws {
        for _ in 0..<10 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(60))
            try send(Self.head + "1234567890")
            channel.embeddedEventLoop.advanceTime(by: .seconds(600))
            answer()
        }
        #expect(channel.isActive && answerer.ends == 10)
        channel.embeddedEventLoop.advanceTime(by: .seconds(75))
        #expect(!channel.isActive)
    }

    @Test func aStrangerReadsWhyAndIsNotListenedTo() throws {
        try send(Self.head + "123")
        answer(.unauthorized)
        #expect(try written().contains("connection: close"))
        try send("4567890" + Self.head + "1234567890")
        #expect(answerer.heads == 1 && answerer.ends == 0)
        channel.embeddedEventLoop.advanceTime(by: .seconds(30))
        #expect(!channel.isActive)
    }

    @Test func whoIsRefusedOtherwiseGoesOnAfterItsBody() throws {
        try send(Self.head + "123")
        answer(.tooManyRequests)
        try send("4567890" + Self.head + "1234567890")
        #expect(answerer.heads == 2 && answerer.ends == 2)
        answer()
        #expect(channel.isActive)
    }

    @Test func manyRequestsInAdvanceEndTheConnection() throws {
        let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"
        try send(request + request + request)
        #expect(channel.isActive && answerer.heads == 3)
        try send(request + request)
        #expect(!channel.isActive && answerer.heads == 3)
    }

    @Test(arguments: ["", "host: a\r\nhost: b\r\n", "Host: a\r\nHOST: a\r\n"]) func oneHostIsNamed(_ hosts: String) throws {
        try send("GET / HTTP/1.1\r\n\(hosts)\r\n")
        #expect(answerer.heads == 0 && answerer.errors == 1)
    }

    @Test func beforeHTTP11NoHostIsNeeded() throws {
        try send("GET / HTTP/1.0\r\n\r\n")
        #expect(answerer.heads == 1 && answerer.errors == 0)
    }

    @Test func aClientThatTakesNothingIsCutOff() throws {
        try send(Self.head + "1234567890")
        channel.isWritable = false
        answer(.ok, String(repeating: "x", count: 400), flushes: false)
        setWaiting(400)
        channel.flush()
        #expect(waiting == 400)
        channel.embeddedEventLoop.advanceTime(by: .seconds(19))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive && waiting == 0)
    }

    @Test func aClientThatTakesEnoughIsNot() throws {
        try send(Self.head + "1234567890")
        channel.isWritable = false
        answer(.ok, String(repeating: "x", count: 900), flushes: false)
        setWaiting(900)
        channel.flush()
        for left in stride(from: 700, through: 100, by: -200) {
            setWaiting(left)
            channel.embeddedEventLoop.advanceTime(by: .seconds(20))
            #expect(channel.isActive && waiting == Double(left))
        }
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(waiting == 0)
    }

    @Test func thereIsNoRoomForMoreThanThat() throws {
        try send(Self.head + "1234567890")
        channel.isWritable = false
        answer(.ok, String(repeating: "x", count: 1_001), flushes: false)
        setWaiting(1_001)
        channel.flush()
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive && waiting == 0)
    }

    private var waiting: Double { door.gauges.first { $0.name == "berth_door_answer_bytes" }?.value ?? -1 }

    private func setWaiting(_ bytes: Int) {
        untaken.bytes.store(bytes, ordering: .relaxed)
    }
}
