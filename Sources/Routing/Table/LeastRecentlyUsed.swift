import FleetModel

/// A dictionary of bounded size that forgets what was not used for longest. Every operation takes constant time.
package struct LeastRecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Node {
        var key: Key
        var value: Value
        /// Used more recently than this one.
        var newer: Int?
        /// Used less recently than this one.
        var older: Int?
    }

    private let capacity: Int
    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var index: [Key: Int] = [:]
    private var newest: Int?
    private var oldest: Int?

    /// - Precondition: `capacity` is at least 1.
    package init(capacity: Int) {
        invariant(capacity > 0, "a cache holds at least one")
        self.capacity = capacity
    }

    package var count: Int { index.count }

    /// The value of `key`, which becomes the most recently used one.
    package mutating func use(_ key: Key) -> Value? {
        guard let slot = index[key] else { return nil }
        if slot != newest {
            unlink(slot)
            link(slot)
        }
        return nodes[slot]?.value
    }

    /// The value of `key`; its place in the order stays.
    package func peek(_ key: Key) -> Value? {
        index[key].flatMap { nodes[$0]?.value }
    }

    /// Changes the value of `key`, if it is there; its place in the order stays.
    package mutating func update(_ key: Key, _ change: (inout Value) -> Void) {
        guard let slot = index[key], var node = nodes[slot] else { return }
        nodes[slot] = nil
        change(&node.value)
        nodes[slot] = node
    }

    /// Stores a value as the most recently used one.
    ///
    /// - Returns: what had to give way.
    package mutating func insert(_ value: Value, for key: Key) -> (key: Key, value: Value)? {
        if let slot = index[key] {
            nodes[slot]?.value = value
            unlink(slot)
            link(slot)
            return nil
        }
        var evicted: (key: Key, value: Value)?
        if index.count == capacity, let last = oldest, let node = nodes[last] {
            evicted = (node.key, node.value)
            remove(node.key)
        }
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            nodes[slot] = Node(key: key, value: value)
        } else {
            slot = nodes.count
            nodes.append(Node(key: key, value: value))
        }
        index[key] = slot
        link(slot)
        invariant(index.count <= capacity && index.count + free.count == nodes.count, "a cache has more than it may, or lost a place")
        return evicted
    }

    package mutating func remove(_ key: Key) {
        guard let slot = index.removeValue(forKey: key) else { return }
        unlink(slot)
        nodes[slot] = nil
        free.append(slot)
    }

    private mutating func link(_ slot: Int) {
        nodes[slot]?.older = newest
        nodes[slot]?.newer = nil
        if let newest { nodes[newest]?.newer = slot }
        newest = slot
        if oldest == nil { oldest = slot }
    }

    private mutating func unlink(_ slot: Int) {
        let (newer, older) = (nodes[slot]?.newer, nodes[slot]?.older)
        if let newer { nodes[newer]?.older = older } else { newest = older }
        if let older { nodes[older]?.newer = newer } else { oldest = newer }
    }
}
