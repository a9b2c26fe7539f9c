import FleetModel
import ObjectStores
import Testing

@Suite struct ObjectStoreProbeTests {
    @Test(arguments: StoreUnderTest.withoutSmallPages) func acceptsASafeStoreAndLeavesNothing(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.use { store in
            try await ObjectStoreProbe.verify(store)
            #expect(try await store.list(prefix: "", after: nil, limit: 10) == [])
        }
    }

    @Test(arguments: CarelessStore.Carelessness.allCases) func refusesAnUnsafeOne(
        _ carelessness: CarelessStore.Carelessness
    ) async throws {
        let store = CarelessStore(carelessness)
        await #expect { try await ObjectStoreProbe.verify(store) } throws: { error in
            (error as? BerthError)?.code == .bucketUnsafe
        }
        #expect(try await store.list(prefix: "", after: nil, limit: 10) == [])
    }

    @Test func tellsAStoreThatIsAway() async throws {
        let away = FaultyStore(Array(repeating: .before(FaultyStore.lost), count: 100))
        await #expect { try await ObjectStoreProbe.verify(away) } throws: { error in
            (error as? BerthError)?.code == .bucketUnavailable
        }
    }

    @Test func tellsABucketThatIsMissing() async throws {
        var configuration = try await StoreUnderTest.s3Configuration()
        configuration.bucket = "there-is-no-such-bucket"
        let store = S3Store(configuration)
        await #expect { try await ObjectStoreProbe.verify(store) } throws: { error in
            (error as? BerthError)?.code == .bucketUnavailable
        }
        await #expect(throws: ObjectStoreError.self) { try await store.head("x") }
        try await store.shutdown()
    }
}
