import FleetModel

/// The numbers of requests under way: a pure value.
///
/// Two that are under way at once differ in their low 16 bits, which are a place in the table of the ``ExecutionBoard``. No number is used twice.
struct RequestTable<Value> {
    static var limit: Int { ExecutionBoard.calls }

    private struct Place {
        var uses: UInt64 = 0
        var value: Value?
    }

    private var places: [Place] = []
    private var free: [Int] = []
    private(set) var count = 0

    /// - Parameter spare: so many places have to be left afterwards, for those that must not be refused.
    /// - Returns: `nil` when as many are under way as there can be.
    mutating func add(_ value: Value, leaving spare: Int = 0) -> UInt64? {
        guard count < Self.limit - spare, let index = free.popLast() ?? (places.count < Self.limit ? places.count : nil) else { return nil }
        if index == places.count { places.append(Place()) }
        places[index].uses += 1
        places[index].value = value
        count += 1
        return places[index].uses << 16 | UInt64(index)
    }

    /// - Returns: `nil` when no such request is under way.
    mutating func remove(_ number: UInt64) -> Value? {
        let index = Int(number & 0xFFFF)
        guard index < places.count, places[index].uses == number >> 16, let value = places[index].value else { return nil }
        places[index].value = nil
        free.append(index)
        count -= 1
        invariant(count >= 0 && count + free.count == places.count, "a request is under way and its number free")
        return value
    }

    /// Of a request that is under way.
    mutating func set(_ number: UInt64, _ value: Value) {
        let index = Int(number & 0xFFFF)
        invariant(index < places.count && places[index].uses == number >> 16 && places[index].value != nil, "no such request is under way")
        places[index].value = value
    }

    func forEach(_ body: (UInt64, Value) -> Void) {
        for index in places.indices {
            if let value = places[index].value { body(places[index].uses << 16 | UInt64(index), value) }
        }
    }

    /// Everything under way, in no order, with its numbers; the table is empty then.
    mutating func removeAll() -> [(number: UInt64, value: Value)] {
        var all: [(number: UInt64, value: Value)] = []
        for index in places.indices {
            let number = places[index].uses << 16 | UInt64(index)
            if let value = remove(number) { all.append((number, value)) }
        }
        return all
    }
}
