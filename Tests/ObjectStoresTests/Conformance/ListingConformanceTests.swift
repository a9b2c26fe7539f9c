import Foundation
import ObjectStores
import Testing

/// What every store does with listings.
@Suite struct ListingConformanceTests {
    @Test(arguments: StoreUnderTest.allCases) func listsInByteOrderBelowAPrefix(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            // “-” and “.” sort before “/”, digits and letters after; capital letters before small ones.
            let names = ["a-b", "a.b", "a/b", "a/b-c", "a/b0/c", "a0", "A/b", "z", "é", "日", "🚢"]
            for (size, name) in names.shuffled().enumerated() {
                try await store.put(name, bytes: Array(repeating: 1, count: size), condition: .createOnly)
            }
            let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            #expect(try await store.list(prefix: "", after: nil, limit: 1000).map(\.name) == sorted)
            for prefix in ["a", "a/", "a/b", "a/b0", "A", "é", "none", "a/b0/c"] {
                #expect(
                    try await store.list(prefix: prefix, after: nil, limit: 1000).map(\.name)
                        == sorted.filter { $0.utf8.starts(with: prefix.utf8) }, "\(prefix)")
            }
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func startsAfterANameExclusively(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let names = ["p/a", "p/b", "p/c/1", "p/c/2", "p/d", "q"]
            for name in names { try await store.put(name, bytes: [], condition: .createOnly) }
            let afters = names + ["", "o", "p", "p/", "p/aa", "p/c", "p/c/", "p/c/10", "p/c/9", "p/cc", "q/", "z"]
            for after in afters {
                #expect(
                    try await store.list(prefix: "p/", after: after, limit: 10).map(\.name)
                        == names.filter { $0.hasPrefix("p/") && after.utf8.lexicographicallyPrecedes($0.utf8) },
                    "\(after)")
            }
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func tellsSizeAndTime(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            let start = Date()
            let version = try await store.put("x/y", bytes: Array(repeating: 1, count: 321), condition: .none)
            let listed = try #require(try await store.list(prefix: "x", after: nil, limit: 1).first)
            let headed = try #require(try await store.head("x/y"))
            for info in [listed, headed] {
                #expect(info.name == "x/y")
                #expect(info.size == 321)
                // S3 rounds to seconds.
                #expect(abs(info.lastModified.timeIntervalSince(start)) < 60)
            }
            #expect(listed.version == nil || listed.version == version)
        }
    }

    @Test(arguments: [StoreUnderTest.memory, .directory, .s3WithSmallPages]) func pagesThroughMoreThanAThousand(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use(pageSize: 100) { store in
            let count = 1050
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        for number in stride(from: worker, to: count, by: 8) {
                            try await store.put("n/\(number % 10)/\(number)", bytes: [1], condition: .createOnly)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let sorted = (0..<count).map { "n/\($0 % 10)/\($0)" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let all = try await store.list(prefix: "n/", after: nil, limit: count + 1).map(\.name)
            #expect(all == sorted)

            var paged: [String] = []
            while true {
                let page = try await store.list(prefix: "n/", after: paged.last, limit: 250).map(\.name)
                paged += page
                guard page.count == 250 else { break }
            }
            #expect(paged == sorted)

            try await store.delete(Array(all.dropLast()))
            #expect(try await store.list(prefix: "", after: nil, limit: 2).map(\.name) == all.suffix(1))
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func refusesALimitOfNothing(_ kind: StoreUnderTest) async throws {
        try await kind.use { store in
            await #expect(throws: ObjectStoreError.self) { try await store.list(prefix: "", after: nil, limit: 0) }
        }
    }
}
