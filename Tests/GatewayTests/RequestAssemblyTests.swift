import FleetModel
import Hrana
import NIOCore
import NIOHTTP1
import Routing
import Testing

@testable import Gateway

struct RequestAssemblyTests {
    private var assembly = RequestAssembly(maximumBytes: 10)
    private let admissions = Admissions(GatewayLimits())

    private func head(_ headers: HTTPHeaders = [:]) -> HTTPRequestHead {
        HTTPRequestHead(version: .http1_1, method: .POST, uri: "/db/shop/v2/pipeline", headers: headers)
    }
    private func body(_ count: Int) -> HTTPServerRequestPart { .body(ByteBuffer(repeating: 7, count: count)) }

    private mutating func receive(_ part: HTTPServerRequestPart) -> RequestAssembly.Action {
        let admissions = admissions
        return assembly.receive(part) { (ticket, bytes) throws(BerthError) in try admissions.grow(&ticket, to: bytes) }
    }

    private func admitted(_ head: HTTPRequestHead, bytes: Int = 0) throws -> IncomingRequest {
        IncomingRequest(
            head: head, target: try DataTarget(head, naming: DatabaseNaming()), caller: Gatekeeper.Caller(access: .readOnly, digest: []),
            requestID: "x", ticket: try admissions.enter(DatabaseName("shop"), bytes: bytes))
    }

    @Test mutating func partsBecomeARequest() throws {
        for round in 0..<3 {
            #expect(assembly.isIdle)
            guard case .decide(let head) = receive(.head(head())) else {
                Issue.record("nothing to decide in round \(round)")
                return
            }
            #expect(try assembly.collect(admitted(head)) == false)
            _ = receive(body(4))
            _ = receive(body(6))
            #expect(admissions.bytes == 10)
            guard case .respond(let request) = receive(.end(nil)) else {
                Issue.record("no request in round \(round)")
                return
            }
            #expect(request.body == Array(repeating: 7, count: 10))
            admissions.leave(request.ticket)
        }
    }

    @Test mutating func whatCameBeforeTheDecisionFollowsIt() throws {
        let head = head(["content-length": "10", "expect": "100-continue"])
        _ = receive(.head(head))
        guard case .none = receive(body(10)), case .none = receive(.end(nil)) else {
            Issue.record("a body was looked at whose head was not decided about")
            return
        }
        var held = assembly.takeHeld()
        #expect(held.isEmpty)
        #expect(try assembly.collect(admitted(head, bytes: 10)) == true)
        held = assembly.takeHeld()
        let again = assembly.takeHeld()
        #expect(held.count == 2 && again.isEmpty)
        _ = receive(held[0])
        guard case .respond(let request) = receive(held[1]) else {
            Issue.record("no request")
            return
        }
        #expect(request.body.count == 10)
    }

    @Test mutating func oneByteTooManyIsRefusedAndTheRestIgnored() throws {
        _ = receive(.head(head()))
        _ = try assembly.collect(admitted(head()))
        _ = receive(body(10))
        guard case .refuse(let request, let error) = receive(body(1)) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .bodyTooLarge && request.ticket.bytes == 10)
        for part in [body(1_000), .end(nil), .head(head()), .end(nil)] {
            guard case .none = receive(part) else {
                Issue.record("something was begun after the last answer")
                return
            }
        }
    }

    @Test mutating func aRefusedRequestIsReadToItsEnd() {
        _ = receive(.head(head(["content-length": "7"])))
        assembly.discard(head(), then: .ready(OutgoingReply(DataReply(body: [])), requestID: "x"))
        guard case .none = receive(body(7)), case .answer = receive(.end(nil)), assembly.isIdle else {
            Issue.record("not read to its end")
            return
        }
    }

    @Test mutating func whoLeavesInTheMiddleGivesItsPlaceBack() throws {
        _ = receive(.head(head()))
        _ = try assembly.collect(admitted(head(), bytes: 9))
        _ = receive(body(3))
        let ticket = assembly.abandon()
        admissions.leave(try #require(ticket))
        let again = assembly.abandon()
        #expect(admissions.bytes == 0 && again == nil)
    }
}
