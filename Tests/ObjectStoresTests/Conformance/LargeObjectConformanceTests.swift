import ObjectStores
import Testing

/// What every store does with objects that S3 takes in parts.
@Suite struct LargeObjectConformanceTests {
    private static let kinds: [StoreUnderTest] = [.memory, .directory, .s3, .s3WithSmallParts, .retryingMemory]

    /// Two whole parts and a bit of a third one, no two pieces of it alike.
    private static func content(_ seed: UInt64 = 1, count: Int = 2 * StoreUnderTest.partBytes + 3) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) } }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    @Test(arguments: kinds) func readsWhatWasPut(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let bytes = Self.content(), part = StoreUnderTest.partBytes
            let version = try await store.put("large/1", bytes: bytes, condition: .createOnly)
            #expect(try await store.get("large/1") == bytes)
            #expect(try await store.getInPieces("large/1", of: 1_000_000) == bytes)
            let info = try #require(try await store.head("large/1"))
            #expect(info.size == Int64(bytes.count) && info.version == version)
            for range in [0..<1, part - 2..<part + 2, 2 * part - 1..<2 * part + 3, 7..<2 * part + 1] {
                #expect(try await store.get("large/1", range: Int64(range.lowerBound)..<Int64(range.upperBound)) == Array(bytes[range]))
            }
            #expect(try await store.list(prefix: "", after: nil, limit: 10).map(\.size) == [Int64(bytes.count)])
            try await store.put("large/1", bytes: [1], condition: .none)
            #expect(try await store.get("large/1") == [1])
            try await store.put("large/1", bytes: bytes, condition: .none)
            #expect(try await store.get("large/1") == bytes)
        }
    }

    @Test(arguments: kinds) func createsOnlyWhatDoesNotExist(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let first = Self.content(1), second = Self.content(2)
            try await store.put("large/1", bytes: first, condition: .createOnly)
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "large/1")) {
                try await store.put("large/1", bytes: second, condition: .createOnly)
            }
            #expect(try await store.get("large/1") == first)
            try await store.put("small", bytes: [1], condition: .createOnly)
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "small")) {
                try await store.put("small", bytes: second, condition: .createOnly)
            }
            #expect(try await store.get("small") == [1])
        }
    }

    @Test(arguments: kinds) func theSameOnceMoreIsNothingAndAnotherIsRefused(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let bytes = Self.content()
            for _ in 0..<2 { try await store.putOnce("large/1", bytes: bytes) }
            var other = bytes
            other[bytes.count - 1] ^= 1
            for different in [other, Array(bytes.dropLast())] {
                await #expect(throws: ObjectStoreError.preconditionFailed(name: "large/1")) {
                    try await store.putOnce("large/1", bytes: different)
                }
            }
            #expect(try await store.get("large/1") == bytes)
        }
    }

    @Test(arguments: kinds)
    func ofManyCreatorsOneWins(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let contents = (0..<4).map { Self.content(UInt64($0), count: StoreUnderTest.partBytes + 1) }
            let winners = try await withThrowingTaskGroup(of: Int?.self) { group in
                for (index, bytes) in contents.enumerated() {
                    group.addTask {
                        do {
                            try await store.put("race", bytes: bytes, condition: .createOnly)
                            return index
                        } catch ObjectStoreError.preconditionFailed { return nil }
                    }
                }
                return try await group.reduce(into: [Int]()) { winners, winner in if let winner { winners.append(winner) } }
            }
            #expect(winners.count == 1)
            #expect(try await store.get("race") == contents[try #require(winners.first)])
        }
    }
}
