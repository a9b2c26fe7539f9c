import FleetModel
import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

struct RequestAssemblyTests {
    private func head(_ headers: HTTPHeaders = [:]) -> HTTPServerRequestPart {
        .head(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/", headers: headers))
    }
    private func body(_ count: Int) -> HTTPServerRequestPart { .body(ByteBuffer(repeating: 7, count: count)) }

    @Test func partsBecomeARequest() {
        var assembly = RequestAssembly(maximumBytes: 10)
        for round in 0..<3 {
            #expect(assembly.isIdle)
            _ = assembly.receive(head())
            _ = assembly.receive(body(4))
            _ = assembly.receive(body(6))
            guard case .respond(let request) = assembly.receive(.end(nil)) else {
                Issue.record("no request in round \(round)")
                return
            }
            #expect(request.body == Array(repeating: 7, count: 10))
        }
    }

    @Test func oneByteTooManyIsRefusedAndTheRestDiscarded() {
        var assembly = RequestAssembly(maximumBytes: 10)
        _ = assembly.receive(head())
        _ = assembly.receive(body(10))
        guard case .refuse(let error, _) = assembly.receive(body(1)) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .bodyTooLarge)
        for _ in 0..<100 {
            guard case .none = assembly.receive(body(1_000)) else {
                Issue.record("not read on")
                return
            }
        }
    }

    @Test func aRefusedRequestIsReadToItsEnd() {
        var assembly = RequestAssembly(maximumBytes: 10)
        guard case .refuse = assembly.receive(head(["content-length": "11"])), case .none = assembly.receive(body(10)),
            case .close = assembly.receive(.end(nil))
        else {
            Issue.record("not read to its end")
            return
        }
    }
}
