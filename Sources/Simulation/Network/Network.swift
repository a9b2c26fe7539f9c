import Chaos
import FleetModel

/// What became of a call over the network.
enum Reply<Value: Sendable>: Sendable {
    case answered(Value)
    /// It never arrived, and never will.
    case unreached
    /// It may have been carried out, or may be yet.
    case lost
}

/// Messages between parties: late, held back, lost on the way there or back, cut off.
final class Network: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    enum Trouble {
        /// Connections are reset and new ones refused.
        case cut
        /// Nothing passes until it is over, then everything does.
        case held
        case slow(Duration)
    }

    /// From one party to another.
    struct Direction: Hashable {
        var from: String
        var to: String
    }

    private struct UnderWay {
        let direction: Direction
        let cut: () -> Void
    }

    private let scheduler: Scheduler
    private var troubles: [Direction: Trouble] = [:]
    /// Messages held back, per direction.
    private var held: [Direction: [() -> Void]] = [:]
    private var underWay: [Int: UnderWay] = [:]
    private var nextCall = 0

    init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    /// Calls `server` on behalf of `caller`: `body` runs as part of the server's life.
    ///
    /// - Parameters:
    ///   - timeout: how long the caller waits; the call may be carried out later all the same.
    ///   - hangsUp: the server notices when the caller has died or waits no longer, and cancels the task; HTTP, on a connection.
    func call<Value: Sendable>(
        from caller: Life, to server: Life, timeout: Duration, hangsUp: Bool = false, _ body: @escaping @Sendable () async -> Value
    ) async -> Reply<Value> {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Reply<Value>, Never>) in
            begin(Call(continuation), from: caller, to: server, timeout: timeout, hangsUp: hangsUp, body)
        }
    }

    private final class Call<Value: Sendable>: @unchecked Sendable {
        // `@unchecked Sendable`: confined to the one thread the simulation runs on.
        private var continuation: UnsafeContinuation<Reply<Value>, Never>?
        var isDelivered = false
        /// On the server.
        var task: Task<Void, Never>?

        init(_ continuation: UnsafeContinuation<Reply<Value>, Never>) { self.continuation = continuation }

        func end(_ reply: Reply<Value>) {
            continuation?.resume(returning: reply)
            continuation = nil
        }
    }

    private func begin<Value: Sendable>(
        _ call: Call<Value>, from caller: Life, to server: Life, timeout: Duration, hangsUp: Bool,
        _ body: @escaping @Sendable () async -> Value
    ) {
        let there = Direction(from: caller.name, to: server.name), back = Direction(from: server.name, to: caller.name)
        if case .cut = troubles[there] {
            return scheduler.after(latency(), on: caller) { call.end(.unreached) }
        }
        nextCall += 1
        let number = nextCall
        let scheduler = scheduler
        let forget: @Sendable () -> Void = { [self] in
            underWay[number] = nil
            server.obituary[number] = nil
            caller.obituary[number] = nil
        }
        let hangUp: @Sendable () -> Void = { [self] in
            guard hangsUp else { return }
            send(there) { scheduler.after(.zero, on: server) { call.task?.cancel() } }
        }
        // A connection that is reset may have carried the request already; then it arrives all the same.
        underWay[number] = UnderWay(direction: there) { [self] in
            let arrived = call.isDelivered || Bool.random(using: &scheduler.chance)
            if !arrived { call.isDelivered = true }
            scheduler.after(latency(), on: caller) { call.end(arrived ? .lost : .unreached) }
        }
        scheduler.after(timeout, on: caller) {
            forget()
            call.end(.lost)
            hangUp()
        }
        send(there) {
            guard !call.isDelivered else { return }
            call.isDelivered = true
            guard !server.isDead else {
                forget()
                return scheduler.after(.zero, on: caller) { call.end(.unreached) }
            }
            server.obituary[number] = { scheduler.after(.milliseconds(1), on: caller) { call.end(.lost) } }
            caller.obituary[number] = hangUp
            scheduler.after(.zero, on: server) {
                call.task = scheduler.start(on: server) {
                    let value = await body()
                    if case .cut = self.troubles[back] {
                        // The connection is reset with the answer in it.
                        forget()
                        return scheduler.after(self.latency(), on: caller) { call.end(.lost) }
                    }
                    self.send(back) {
                        scheduler.after(.zero, on: caller) {
                            forget()
                            call.end(.answered(value))
                        }
                    }
                }
            }
        }
    }

    /// A message that nobody waits for.
    func tell(from sender: Life, to receiver: Life, _ deliver: @escaping () -> Void) {
        let direction = Direction(from: sender.name, to: receiver.name)
        if case .cut = troubles[direction] { return }
        send(direction) { self.scheduler.after(.zero, on: receiver, deliver) }
    }

    private func send(_ direction: Direction, _ deliver: @escaping () -> Void) {
        var delay = latency()
        switch troubles[direction] {
        case .held:
            held[direction, default: []].append(deliver)
            return
        case .slow(let extra): delay += extra
        case .cut: return
        case nil: break
        }
        scheduler.after(delay, on: scheduler.harness, deliver)
    }

    /// Mostly a fraction of a millisecond, now and then much more: messages overtake each other.
    private func latency() -> Duration {
        switch UInt64.random(in: 0..<100, using: &scheduler.chance) {
        case 0..<90: .microseconds(Int64.random(in: 50...800, using: &scheduler.chance))
        case 90..<99: .milliseconds(Int64.random(in: 1...15, using: &scheduler.chance))
        default: .milliseconds(Int64.random(in: 15...200, using: &scheduler.chance))
        }
    }

    // MARK: Trouble

    func set(_ trouble: Trouble?, _ direction: Direction) {
        troubles[direction] = trouble
        switch trouble {
        case .cut:
            held[direction] = nil
            let back = Direction(from: direction.to, to: direction.from)
            for (number, call) in underWay.sorted(by: { $0.key < $1.key }) where call.direction == direction || call.direction == back {
                underWay[number] = nil
                call.cut()
            }
        case .held: break
        case .slow, nil:
            let released = held.removeValue(forKey: direction) ?? []
            for deliver in released { scheduler.after(latency(), on: scheduler.harness, deliver) }
        }
    }

    func set(_ trouble: Trouble?, between one: String, and other: String) {
        set(trouble, Direction(from: one, to: other))
        set(trouble, Direction(from: other, to: one))
    }

    func heal() {
        for direction in troubles.keys.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }) { set(nil, direction) }
    }
}
