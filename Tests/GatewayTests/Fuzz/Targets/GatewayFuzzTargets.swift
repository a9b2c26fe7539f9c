import BerthTestKit
import FleetModel
import Foundation
import Hrana
import NIOCore
import NIOHTTP1
import Routing

@testable import Gateway

/// What the gateway reads of requests and of other nodes' answers.
enum GatewayFuzzTargets {
    static let all = [target, notLeader, peer, assembly]

    /// Method, target, host and `x-namespace`, a line each.
    private static let target = FuzzTarget.text(
        "data-target",
        seeds: [
            "POST\n/db/shop/v2/pipeline\n127.0.0.1:8080\n", "GET\n/v3/\nshop.berth.example\n", "POST\n/v1/execute?a=b\nh\nshop",
            "POST\n/db/sh%6Fp/v3/cursor\nh\n", "POST\n/db/shop/v1/load?table=t%20u&columns=a,b\nh\n",
        ], words: ["/db/", "/v2", "/v3/pipeline", "%2F", "%", "..", "?", "GET", "/v1/load?", "#", " ", "\u{301}", "//"]
    ) { text in
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 4 else { return .refused }
        var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: lines[0]), uri: lines[1])
        head.headers.add(name: "host", value: lines[2])
        if !lines[3].isEmpty { head.headers.add(name: DatabaseNaming.header, value: lines[3]) }
        let target: DataTarget
        do throws(RequestFailure) { target = try DataTarget(head, naming: DatabaseNaming()) } catch {
            let known: [BerthError.Code] = [.databaseNotNamed, .invalidDatabaseName, .routeNotFound, .methodNotAllowed, .malformedRequest]
            try hold(known.contains(error.error.code), "refused as \(error.error.code)")
            return .refused
        }
        // Another node reads the same in what is forwarded.
        var forwarded = HTTPRequestHead(version: .http1_1, method: head.method, uri: target.forwardedPath)
        forwarded.headers.add(name: "host", value: "127.0.0.1:1")
        let again = try DataTarget(forwarded, naming: DatabaseNaming())
        try hold(again.database == target.database && again.route == target.route && again.query == target.query, "forwarded it is \(again.forwardedPath)")
        try hold(target.forwardedPath.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "“\(target.forwardedPath)” is forwarded")
        return .accepted
    }

    private static let notLeader = FuzzTarget(
        "not-leader-body",
        seeds: [
            NotLeaderBody.encode(BerthError(.notLeader, "“shop” moved"), hint: NotLeaderHint(epoch: .zero)),
            Array(#"{"message":"m","code":"leader_unavailable","leader":"node-1","address":"http://10.0.0.1:1","epoch":-7}"#.utf8),
        ], words: [#""code":"not_leader""#, #""leader":null"#, #""epoch":"#, #""address":"#, "{", "}", ","]
    ) { body in
        guard let (code, hint) = NotLeaderBody.decode(body) else { return .refused }
        guard let hint else { return .accepted }
        let again = NotLeaderBody.decode(NotLeaderBody.encode(BerthError(code, ""), hint: hint))
        try hold(again?.code == code && again?.hint == hint, "\(hint), sent on, is \(String(describing: again))")
        return .accepted
    }

    private static let peer = FuzzTarget.text(
        "peer-address",
        seeds: ["http://10.0.0.7:8080", "https://node-1.fleet.example/", "http://[2001:db8::1]:80", "http://h_1:65535"],
        words: ["http://", "https://", "[", "]", ":", "0.0.0.0", "::", "@", "/", "%", "65536"]
    ) { text in
        let peer: PeerAddress
        do throws(BerthError) { peer = try PeerAddress(text) } catch {
            try hold(error.code == .invalidArgument, "refused as \(error.code)")
            return .refused
        }
        try hold(try PeerAddress(peer.description) == peer, "it is read another way the second time")
        guard let url = URL(string: peer.description), let host = url.host, !host.isEmpty else {
            throw FuzzTarget.Violation("\(peer) cannot be sent to")
        }
        let bare = host.filter { $0 != "[" && $0 != "]" }
        try hold(peer.description.contains(bare) && url.path.isEmpty && url.user == nil, "\(peer) leads to \(url)")
        if host.contains(":") {
            var address = in6_addr()
            try hold(inet_pton(AF_INET6, bare, &address) == 1, "\(host) is no IPv6 address")
        }
        if let port = url.port { try hold((1...65535).contains(port), "port \(port)") }
        return .accepted
    }

    /// Every byte says which part of a request comes next.
    private static let assembly = FuzzTarget(
        "request-assembly", seeds: [[0, 4, 4, 8], [1, 5, 8, 0, 8], [2, 6, 6, 6]], cost: 4
    ) { input in
        let lengths = [nil, "10", "11", "-1", "99999999999999999999", "x"]
        var assembly = RequestAssembly(maximumBytes: 10)
        let admissions = Admissions(GatewayLimits())
        var received = 0
        var responses = 0
        for byte in input {
            let part: HTTPServerRequestPart
            switch byte % 10 {
            case 0...3:
                var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/")
                if let length = lengths[Int(byte / 10) % lengths.count] { head.headers.add(name: "content-length", value: length) }
                if byte > 128 { head.headers.add(name: "expect", value: "100-continue") }
                part = .head(head)
                received = 0
            case 4...7:
                part = .body(ByteBuffer(repeating: byte, count: Int(byte % 10)))
                received += Int(byte % 10)
            default: part = .end(nil)
            }
            var parts = [part]
            while !parts.isEmpty {
                let action = assembly.receive(parts.removeFirst()) { (ticket, bytes) throws(BerthError) in
                    try admissions.grow(&ticket, to: bytes)
                }
                switch action {
                case .decide(let head) where byte % 4 == 0:
                    assembly.discard(head, then: .ready(OutgoingReply(DataReply(body: [])), requestID: "x"))
                case .decide(let head):
                    let announced = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
                    guard (0...10).contains(announced) else {
                        assembly.ignore()
                        break
                    }
                    var named = head
                    named.uri = "/db/shop/v2/pipeline"
                    _ = assembly.collect(
                        IncomingRequest(
                            head: head, target: try DataTarget(named, naming: DatabaseNaming()),
                            caller: Gatekeeper.Caller(access: .readOnly, digest: []), requestID: "x",
                            ticket: try admissions.enter(DatabaseName("shop"), bytes: announced)))
                case .respond(let request):
                    responses += 1
                    try hold(request.body.count <= 10, "a body of \(request.body.count) bytes")
                    try hold(assembly.isIdle, "another request cannot begin")
                    admissions.leave(request.ticket)
                case .refuse(let request, _): admissions.leave(request.ticket)
                case .answer, .none: break
                }
                parts += assembly.takeHeld()
            }
        }
        if let ticket = assembly.abandon() { admissions.leave(ticket) }
        try hold(admissions.bytes == 0, "\(admissions.bytes) bytes are never given back")
        return responses > 0 || input.count < 5 ? .accepted : .refused
    }
}
