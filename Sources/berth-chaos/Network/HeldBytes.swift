import NIOCore

/// What is on its way in one direction of a connection, in order, and when it may arrive.
struct HeldBytes {
    enum Item {
        case bytes(ByteBuffer)
        /// The sender closed the connection.
        case end
    }

    private var items: CircularBuffer<(item: Item, due: NIODeadline)> = []
    /// When the last of them will have passed the link.
    private var lastDue = NIODeadline.uptimeNanoseconds(0)
    private(set) var count = 0

    mutating func append(_ item: Item, now: NIODeadline, condition: LinkCondition) {
        var due = max(now + .nanoseconds(condition.delay.wholeNanoseconds), lastDue)
        if case .bytes(let buffer) = item {
            count += buffer.readableBytes
            if let rate = condition.rate {
                due = due + .nanoseconds(Int64(buffer.readableBytes) * 1_000_000_000 / Int64(max(rate, 1)))
            }
        }
        lastDue = due
        items.append((item, due))
    }

    /// The next that has arrived by now.
    mutating func next(now: NIODeadline) -> Item? {
        guard let first = items.first, first.due <= now else { return nil }
        if case .bytes(let buffer) = first.item { count -= buffer.readableBytes }
        return items.removeFirst().item
    }

    /// When the next will arrive.
    var nextDue: NIODeadline? { items.first?.due }

    /// Nothing keeps what is on its way any longer.
    mutating func hurry(now: NIODeadline) {
        for index in items.indices { items[index].due = min(items[index].due, now) }
        lastDue = min(lastDue, now)
    }
}

extension Duration {
    var wholeNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
