import Engines
import FleetModel
import Glibc

/// A client with many connections and one thread: each connection sends its next request once the answer to the one before is there. It costs
/// little itself, so that what is measured on a machine with few cores is the server.
struct HTTPLoad: Sendable {
    /// On this machine.
    var port: Int
    var connections: Int
    /// Between an answer and the next request of a connection.
    var pause = Duration.zero
    /// Whether the body of the last answer is kept.
    var keepsLast = false

    struct Outcome: Sendable {
        /// Of each answer, in milliseconds, in the order in which they came.
        var latencies: [Double] = []
        /// How many answers had which status; connections that ended under a request count as status 0.
        var statuses: [Int: Int] = [:]
        /// Of the first answer that was not 200 or 201.
        var firstRefusal = ""
        var lastBody: [UInt8] = []
        var lastAnswer: [UInt8] = []
        var seconds = 0.0

        /// - Throws: ``WorkLost`` when not all requests were answered with one of `statuses`.
        func expectAll(of count: Int, _ statuses: Set<Int>, _ what: String) throws {
            let good = self.statuses.filter { statuses.contains($0.key) }.values.reduce(0, +)
            guard good == count else { throw WorkLost("\(what): \(good) of \(count) requests were done; \(self.statuses), \(firstRefusal)") }
        }

        /// Requests that were answered otherwise.
        func failures(besides statuses: Set<Int> = [200]) -> Int { self.statuses.filter { !statuses.contains($0.key) }.values.reduce(0, +) }
    }

    /// So many requests in all.
    ///
    /// - Parameter request: the bytes of a request by its number.
    func run(requests count: Int, _ request: @escaping @Sendable (Int) -> [UInt8]) async throws -> Outcome {
        try await BlockingWork.threads.run {
            var next = 0
            return try Connections(self).run(until: nil) { _ in
                guard next < count else { return nil }
                defer { next += 1 }
                return request(next)
            }
        }
    }

    /// For so long.
    ///
    /// - Parameter request: the bytes of the request of a connection with a number of its own.
    func run(for duration: Duration, _ request: @escaping @Sendable (_ connection: Int, _ number: Int) -> [UInt8]) async throws -> Outcome {
        try await BlockingWork.threads.run {
            var numbers = [Int](repeating: 0, count: connections)
            return try Connections(self).run(until: .now + duration) { connection in
                defer { numbers[connection] += 1 }
                return request(connection, numbers[connection])
            }
        }
    }
}

/// Sockets that are polled by one thread.
private final class Connections {
    private struct Connection {
        var socket: Int32 = -1
        var output: [UInt8] = []
        var written = 0
        var input: [UInt8] = []
        var sentAt: ContinuousClock.Instant?
        var readyAt = ContinuousClock.now
        var isDone = false
    }

    private let load: HTTPLoad
    private var connections: [Connection]
    private var outcome = HTTPLoad.Outcome()
    private var buffer = [UInt8](repeating: 0, count: 256 << 10)

    init(_ load: HTTPLoad) {
        self.load = load
        connections = Array(repeating: Connection(), count: load.connections)
        // Not all at the same moment, when they rest in between.
        if load.pause > .zero {
            for index in connections.indices {
                connections[index].readyAt += load.pause * index / load.connections
            }
        }
    }

    deinit { for connection in connections where connection.socket >= 0 { close(connection.socket) } }

    /// - Parameters:
    ///   - end: when no request is sent any more, and none waited for; `nil` for when there are no more.
    ///   - next: the request of a connection; `nil` when there are no more.
    func run(until end: ContinuousClock.Instant?, _ next: (Int) -> [UInt8]?) throws -> HTTPLoad.Outcome {
        let start = ContinuousClock.now
        for index in connections.indices { try open(index) }
        while true {
            let now = ContinuousClock.now
            if let end, now >= end { break }
            for index in connections.indices where !connections[index].isDone && connections[index].sentAt == nil && connections[index].readyAt <= now {
                guard let request = next(index) else {
                    connections[index].isDone = true
                    continue
                }
                if connections[index].socket < 0 { try open(index) }
                connections[index].output = request
                connections[index].written = 0
                connections[index].sentAt = now
                write(index)
            }
            if connections.allSatisfy(\.isDone) { break }
            try poll(until: end)
        }
        outcome.seconds = (ContinuousClock.now - start).inSeconds
        return outcome
    }

    private func open(_ index: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(load.port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard descriptor >= 0, isConnected else { throw WorkLost("no connection to port \(load.port): \(String(cString: strerror(errno)))") }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        connections[index].socket = descriptor
    }

    private func poll(until end: ContinuousClock.Instant?) throws {
        let waiting = connections.indices.filter { connections[$0].sentAt != nil }
        var sockets = waiting.map { index in
            let connection = connections[index]
            let events = connection.written < connection.output.count ? POLLIN | POLLOUT : POLLIN
            return pollfd(fd: connection.socket, events: Int16(events), revents: 0)
        }
        // Until the next one that rests may go on.
        var wake = connections.lazy.filter { !$0.isDone && $0.sentAt == nil }.map(\.readyAt).min()
        if let end { wake = min(wake ?? end, end) }
        let patience = wake.map { max(0, min(1_000, ($0 - .now).millisecondsRoundedUp)) } ?? 1_000
        guard Glibc.poll(&sockets, nfds_t(sockets.count), Int32(patience)) >= 0 || errno == EINTR else {
            throw WorkLost("poll: \(String(cString: strerror(errno)))")
        }
        for (index, socket) in zip(waiting, sockets) where socket.revents != 0 {
            if socket.revents & Int16(POLLOUT) != 0 { write(index) }
            if socket.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 { read(index) }
        }
    }

    private func write(_ index: Int) {
        while connections[index].written < connections[index].output.count {
            let count = connections[index].output.withUnsafeBytes { bytes in
                send(connections[index].socket, bytes.baseAddress.map { $0 + connections[index].written }, bytes.count - connections[index].written, Int32(MSG_NOSIGNAL))
            }
            // What failed otherwise is seen when it is read.
            guard count > 0 else { return }
            connections[index].written += count
        }
    }

    private func read(_ index: Int) {
        while true {
            let count = recv(connections[index].socket, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count > 0 else { return end(index, status: 0) }
            connections[index].input += buffer[..<count]
            if let answer = HTTPAnswer(connections[index].input) { return end(index, answer) }
            if count < buffer.count { return }
        }
    }

    private func end(_ index: Int, _ answer: HTTPAnswer) {
        if answer.status != 200, answer.status != 201, outcome.firstRefusal.isEmpty {
            outcome.firstRefusal = String(decoding: connections[index].input.suffix(from: answer.body.lowerBound).prefix(300), as: UTF8.self)
        }
        if load.keepsLast {
            outcome.lastBody = Array(connections[index].input[answer.body])
            outcome.lastAnswer = connections[index].input
        }
        connections[index].input.removeAll(keepingCapacity: true)
        if answer.closes { disconnect(index) }
        end(index, status: answer.status)
    }

    private func end(_ index: Int, status: Int) {
        if status == 0 { disconnect(index) }
        guard let sentAt = connections[index].sentAt else { return }
        let now = ContinuousClock.now
        outcome.latencies.append((now - sentAt).inSeconds * 1_000)
        outcome.statuses[status, default: 0] += 1
        connections[index].sentAt = nil
        connections[index].readyAt = now + load.pause
    }

    private func disconnect(_ index: Int) {
        close(connections[index].socket)
        connections[index].socket = -1
        connections[index].input.removeAll()
    }
}

/// An answer that is there to its end.
private struct HTTPAnswer {
    var status: Int
    var body: Range<Int>
    /// No further request is taken.
    var closes = false

    /// `nil` while there is more to come. Only of answers with a length, which is all that is asked for here.
    init?(_ bytes: [UInt8]) {
        guard let end = Self.endOfHead(bytes) else { return nil }
        // “HTTP/1.1 200 …”
        status = bytes[9..<12].reduce(0) { $0 * 10 + Int($1 &- 48) }
        var length = 0
        for line in String(decoding: bytes[..<end], as: UTF8.self).lowercased().split(separator: "\r\n") {
            if line.hasPrefix("content-length:") { length = Int(line.dropFirst(15).trimmingPrefix { $0 == " " }) ?? 0 }
            if line == "connection: close" { closes = true }
        }
        guard bytes.count >= end + length else { return nil }
        body = end..<end + length
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 16 else { return nil }
        for index in 3..<bytes.count where bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10 && bytes[index - 3] == 13 {
            return index + 1
        }
        return nil
    }
}
