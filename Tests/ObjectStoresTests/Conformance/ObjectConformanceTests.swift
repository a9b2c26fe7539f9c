import ObjectStores
import Testing

/// What every store does with single objects.
@Suite struct ObjectConformanceTests {
    @Test(arguments: StoreUnderTest.withoutSmallPages) func readsWhatWasPut(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let bytes = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await store.put("a/b/c", bytes: bytes, condition: .none)
            #expect(try await store.get("a/b/c") == bytes)
            #expect(try await store.size("a/b/c") == 70_000)

            try await store.put("a/b/c", bytes: [1], condition: .none)
            #expect(try await store.get("a/b/c") == [1])

            try await store.put("empty", bytes: [], condition: .createOnly)
            #expect(try await store.get("empty") == [])
            #expect(try await store.size("empty") == 0)
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func tellsWhatIsNotThere(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            try await store.put("a/b", bytes: [1], condition: .none)
            for name in ["x", "a", "a/c", "a/b/c"] {
                await #expect(throws: ObjectStoreError.notFound(name: name)) { try await store.get(name) }
                await #expect(throws: ObjectStoreError.notFound(name: name)) { try await store.get(name, range: 0..<1) }
                #expect(try await store.head(name) == nil)
            }
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func readsRanges(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
            try await store.put("x", bytes: bytes, condition: .none)
            for range: Range<Int64> in [0..<1, 0..<1000, 10..<20, 999..<1000, 300..<777] {
                #expect(try await store.get("x", range: range) == Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
            }
        }
    }

    @Test(arguments: [StoreUnderTest.memory, .directory, .s3]) func aRangeBeyondTheEndIsTruncated(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            try await store.put("x", bytes: Array(repeating: 7, count: 100), condition: .none)
            await #expect(throws: ObjectStoreError.truncated(name: "x", expected: 20, received: 10)) {
                try await store.get("x", range: 90..<110)
            }
            await #expect(throws: ObjectStoreError.truncated(name: "x", expected: 5, received: 0)) {
                try await store.get("x", range: 200..<205)
            }
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func createsOnlyWhatDoesNotExist(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            try await store.put("x/1", bytes: [1], condition: .createOnly)
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "x/1")) {
                try await store.put("x/1", bytes: [2], condition: .createOnly)
            }
            #expect(try await store.get("x/1") == [1])
            try await store.delete(["x/1"])
            try await store.put("x/1", bytes: [3], condition: .createOnly)
            #expect(try await store.get("x/1") == [3])
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func replacesOnlyTheVersionThatWasSeen(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            let first = try await store.put("x", bytes: [1], condition: .none)
            #expect(try await store.head("x")?.version == first)
            let second = try await store.put("x", bytes: [2], condition: .ifMatch(first))
            #expect(first != second)
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "x")) {
                try await store.put("x", bytes: [3], condition: .ifMatch(first))
            }
            #expect(try await store.get("x") == [2])
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "absent")) {
                try await store.put("absent", bytes: [3], condition: .ifMatch(first))
            }
            #expect(try await store.head("absent") == nil)
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func ofManyCreatorsOneWins(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            for round in 0..<5 {
                // A folder of its own, so that making it is part of the race.
                let name = "race/\(round)/object"
                let winners = try await race(store, name, .createOnly)
                #expect(winners.count == 1)
                #expect(try await store.get(name) == winners.first)
            }
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func ofManyReplacersOneWins(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            var version = try await store.put("x", bytes: [0], condition: .none)
            for _ in 0..<5 {
                let winners = try await race(store, "x", .ifMatch(version))
                #expect(winners.count == 1)
                #expect(try await store.get("x") == winners.first)
                // The next round's contents must differ, because versions of equal content may be equal.
                version = try await store.put("x", bytes: Array("\(version.etag) next".utf8), condition: .none)
            }
        }
    }

    private func race(_ store: any ObjectStore, _ name: String, _ condition: PutCondition) async throws -> [[UInt8]] {
        try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            for contender in 0..<12 {
                group.addTask {
                    let bytes = Array("\(name) \(condition) by \(contender)".utf8)
                    do {
                        try await store.put(name, bytes: bytes, condition: condition)
                        return bytes
                    } catch ObjectStoreError.preconditionFailed {
                        return nil
                    }
                }
            }
            return try await group.reduce(into: []) { winners, winner in if let winner { winners.append(winner) } }
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func readersSeeWholeObjectsWhileTheyAreReplaced(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            try await store.put("x", bytes: Array(repeating: 0, count: 50_000), condition: .none)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for value in UInt8(1)...10 {
                        try await store.put("x", bytes: Array(repeating: value, count: 50_000), condition: .none)
                    }
                }
                // As a node reads: a server may fail a read that is overtaken (moto does), but must not answer a mixture.
                let reader = RetryingStore(store)
                for _ in 0..<3 {
                    group.addTask {
                        for _ in 0..<10 {
                            let bytes = try await reader.get("x")
                            #expect(bytes.count == 50_000)
                            #expect(Set(bytes).count == 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func deletesManyAndAgain(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let names = (0..<23).map { "d/\($0 % 3)/<&\"'>\($0)" }
            for name in names { try await store.put(name, bytes: [1], condition: .createOnly) }
            try await store.put("d/0/kept", bytes: [1], condition: .createOnly)
            try await store.delete(names + ["never/was", "d", "d/0/kept/below"])
            try await store.delete(names)
            try await store.delete([])
            #expect(try await store.list(prefix: "", after: nil, limit: 100).map(\.name) == ["d/0/kept"])
            #expect(try await store.head(names[0]) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func takesAnyNameThatIsWellFormed(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            // The last two look alike and are one string to Swift, but two names.
            let names = [
                "a b", "a+b", "a%20b", "100%", "q?x=1&y=2", "h#1", "semi;colon:at@", "quote\"'`", "back\\slash", "<tag>&amp;",
                "日本語/データ", "🚢/⚓", "..a/b..", "...", "tilde~", "~", "*", "=", "p/\u{e9}", "p/e\u{301}",
            ]
            for (index, name) in names.enumerated() {
                try await store.put(name, bytes: [UInt8(index)], condition: .createOnly)
            }
            for (index, name) in names.enumerated() {
                #expect(try await store.get(name) == [UInt8(index)], "\(name)")
                #expect(try await store.size(name) == 1, "\(name)")
                #expect(try await store.list(prefix: name, after: nil, limit: 10).map { Array($0.name.utf8) }
                    .contains(Array(name.utf8)), "\(name)")
            }
            #expect(try await store.list(prefix: "", after: nil, limit: 100).count == names.count)
            try await store.delete(names)
            #expect(try await store.list(prefix: "", after: nil, limit: 100) == [])
        }
    }

    @Test(arguments: StoreUnderTest.withoutSmallPages) func refusesNamesThatAreNot(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            let names = [
                "", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/../../x", "a/./b", "nul\0", "line\nfeed", ".berth/tmp/x",
                String(repeating: "n", count: 256), String(repeating: "n/", count: 450) + "n",
            ]
            for name in names {
                for request in [
                    { _ = try await store.put(name, bytes: [], condition: .none) }, { _ = try await store.get(name) },
                    { _ = try await store.head(name) }, { try await store.delete(["ok", name]) },
                ] as [() async throws -> Void] {
                    await #expect { try await request() } throws: { error in
                        if case .invalid = error as? ObjectStoreError { true } else { false }
                    }
                }
            }
        }
    }
}
