import Routing
import Testing

struct LeastRecentlyUsedTests {
    @Test func theLeastRecentlyUsedGivesWay() {
        var cache = LeastRecentlyUsed<String, Int>(capacity: 2)
        _ = cache.insert(1, for: "a")
        _ = cache.insert(2, for: "b")
        let used = cache.use("a")
        #expect(used == 1)
        let evicted = cache.insert(3, for: "c")
        #expect(evicted?.key == "b" && evicted?.value == 2)
        #expect(cache.peek("b") == nil)
        #expect(cache.count == 2)
    }

    @Test func agreesWithASimpleModel() {
        // The model: keys from the least to the most recently used.
        var generator = SplitMix(seed: 7)
        for capacity in [1, 2, 3, 8] {
            var cache = LeastRecentlyUsed<Int, Int>(capacity: capacity)
            var order: [Int] = []
            var values: [Int: Int] = [:]
            for step in 0..<4000 {
                let key = Int.random(in: 0..<12, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0:
                    let found = cache.use(key)
                    #expect(found == values[key])
                    if values[key] != nil { order.removeAll { $0 == key }; order.append(key) }
                case 1:
                    cache.remove(key)
                    order.removeAll { $0 == key }
                    values[key] = nil
                case 2:
                    cache.update(key) { $0 += 1 }
                    values[key]? += 1
                default:
                    var expected: Int?
                    if values[key] == nil, order.count == capacity {
                        expected = order.removeFirst()
                        if let expected { values[expected] = nil }
                    }
                    let evicted = cache.insert(step, for: key)
                    #expect(evicted?.key == expected)
                    order.removeAll { $0 == key }
                    order.append(key)
                    values[key] = step
                }
                #expect(cache.count == values.count)
            }
            for key in 0..<12 { #expect(cache.peek(key) == values[key]) }
        }
    }
}

/// A reproducible source of randomness.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
