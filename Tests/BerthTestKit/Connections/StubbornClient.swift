import Foundation
import Glibc

/// A client that sends everything before it reads anything, as most HTTP libraries do.
public final class StubbornClient: Sendable {
    struct Failure: Error {
        let call: String
        let reason: String

        init(_ call: String) {
            self.call = call
            reason = String(cString: strerror(errno))
        }
    }

    private let descriptor: Int32

    /// Sends `head`, then `piece` so many times, and reads to the end.
    public static func exchange(port: Int, head: String, piece: String, times: Int) async throws -> String {
        try await blocking {
            let client = try StubbornClient(port: port)
            try client.send(Array(head.utf8))
            let piece = Array(piece.utf8)
            for _ in 0..<times { try client.send(piece) }
            return try client.receiveToEnd()
        }
    }

    /// Sends `head`, then `piece` so many times, or until the other side takes no more; the connection stays open as long as the client.
    public static func sending(port: Int, head: String, piece: [UInt8], times: Int) async throws -> StubbornClient {
        try await blocking {
            let client = try StubbornClient(port: port)
            try client.send(Array(head.utf8))
            for _ in 0..<times { guard (try? client.send(piece)) != nil else { break } }
            return client
        }
    }

    /// Blocking calls do not belong on Swift's task pool.
    private static func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
        }
    }

    private init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let descriptor = descriptor
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw Failure("connect") }
    }

    deinit { Glibc.close(descriptor) }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure("send") }
            sent += count
        }
    }

    private func receiveToEnd() throws -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { return String(decoding: received, as: UTF8.self) }
            guard count > 0 else { throw Failure("recv") }
            received += buffer[..<count]
        }
    }
}
