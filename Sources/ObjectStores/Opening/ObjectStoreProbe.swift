import FleetModel

/// Finds out at start whether a bucket is there and does what Berth's safety rests on.
///
/// Bundles are create-only. A store that ignores the condition, or checks it and writes in two steps, lets one node
/// overwrite another's data; there are such stores, and only a race shows it.
public enum ObjectStoreProbe {
    /// Races create-only puts of fresh names and checks that each time exactly one wins, that its content is what is
    /// stored, and that a later one is refused. Removes what it stored.
    ///
    /// - Parameters:
    ///   - contenders: Puts of one name at once.
    ///   - rounds: Names that are raced for.
    /// - Throws: `BerthError` with code `bucket_unsafe` or `bucket_unavailable`; `CancellationError`.
    public static func verify(_ store: any ObjectStore, contenders: Int = 8, rounds: Int = 3) async throws {
        let folder = "probe/\(Hexadecimal.random(byteCount: 8))"
        let names = (0..<rounds).map { "\(folder)/\($0)" }
        do {
            for name in names { try await race(store, name, contenders: contenders) }
        } catch {
            // The failure is what matters; what could not be removed is a few bytes under “probe/”.
            try? await store.delete(names)
            throw translate(error)
        }
        do { try await store.delete(names) } catch { throw translate(error) }
    }

    private static func race(_ store: any ObjectStore, _ name: String, contenders: Int) async throws {
        let contents = (0..<max(2, contenders)).map { Array("\(name) by \($0)\n".utf8) }
        let winners = try await withThrowingTaskGroup(of: Int?.self) { group in
            for (contender, bytes) in contents.enumerated() {
                group.addTask { try await putOnce(store, name, bytes) ? contender : nil }
            }
            var winners: [Int] = []
            for try await winner in group { if let winner { winners.append(winner) } }
            return winners
        }
        guard winners.count == 1 else {
            throw unsafe("\(winners.count) of \(contents.count) simultaneous create-only puts of one name succeeded")
        }
        guard try await store.get(name) == contents[winners[0]] else {
            throw unsafe("a create-only put that was refused replaced the object")
        }
        guard try await !putOnce(store, name, Array("\(name) late\n".utf8)) else {
            throw unsafe("a create-only put replaced an object that existed")
        }
    }

    /// Whether the create-only put succeeded.
    private static func putOnce(_ store: any ObjectStore, _ name: String, _ bytes: [UInt8]) async throws -> Bool {
        do {
            try await store.put(name, bytes: bytes, condition: .createOnly)
            return true
        } catch ObjectStoreError.preconditionFailed {
            return false
        }
    }

    private static func unsafe(_ what: String) -> BerthError {
        BerthError(
            .bucketUnsafe,
            "This bucket is not safe for Berth: \(what). Use a store with atomic conditional writes (If-None-Match: *), "
                + "such as AWS S3, MinIO, Cloudflare R2, Ceph or a local folder.")
    }

    private static func translate(_ error: any Error) -> any Error {
        (error as? ObjectStoreError)?.berthError ?? error
    }
}
