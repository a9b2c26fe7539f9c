import Foundation
import ObjectStores
import Testing

/// What only a folder can get wrong.
@Suite struct DirectoryStoreTests {
    private func useFolder(_ test: (_ path: String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "berth-folder-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await test(folder.path)
    }

    private func use(_ test: (_ store: DirectoryStore, _ path: String) async throws -> Void) async throws {
        try await useFolder { path in
            let store = try DirectoryStore(path: path)
            do { try await test(store, path) } catch {
                try await store.shutdown()
                throw error
            }
            try await store.shutdown()
        }
    }

    @Test func makesItsFolderAndFindsItAgain() async throws {
        try await useFolder { path in
            let first = try DirectoryStore(path: "\(path)/made/deep//")
            try await first.put("a/b", bytes: [1], condition: .createOnly)
            try await first.shutdown()
            let second = try DirectoryStore(path: "\(path)/made/deep")
            #expect(try await second.get("a/b") == [1])
            try await second.shutdown()
        }
    }

    @Test func leavesNoTemporaryFilesAndListsNone() async throws {
        try await use { store, path in
            try await store.put("a", bytes: [1], condition: .createOnly)
            _ = try? await store.put("a", bytes: [2], condition: .createOnly)
            _ = try? await store.put("a", bytes: [2], condition: .ifMatch(ObjectVersion(etag: "other")))
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/.berth/tmp") == [])
            // As a crash in the middle of a put leaves it.
            try Data([1]).write(to: URL(fileURLWithPath: "\(path)/.berth/tmp/1-left"))
            #expect(try await store.list(prefix: "", after: nil, limit: 10).map(\.name) == ["a"])
        }
    }

    @Test func sweepsWhatOldCrashesLeft() async throws {
        try await use { _, path in
            let (old, new) = ("\(path)/.berth/tmp/old", "\(path)/.berth/tmp/new")
            for file in [old, new] { try Data([1]).write(to: URL(fileURLWithPath: file)) }
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -100_000)], ofItemAtPath: old)
            try await DirectoryStore(path: path).shutdown()
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/.berth/tmp") == ["new"])
        }
    }

    @Test func aNameCannotBeAnothersFolder() async throws {
        try await use { store, _ in
            try await store.put("a/b", bytes: [1], condition: .none)
            for (name, condition) in [("a", .none), ("a", .createOnly), ("a/b/c", .none), ("a/b/c", .createOnly)]
                as [(String, PutCondition)] {
                await #expect { try await store.put(name, bytes: [2], condition: condition) } throws: { error in
                    if case .invalid = error as? ObjectStoreError { true } else { false }
                }
            }
            #expect(try await store.get("a/b") == [1])
        }
    }

    @Test func removesFoldersWithTheirLastObject() async throws {
        try await use { store, path in
            try await store.put("a/b/c", bytes: [1], condition: .none)
            try await store.put("a/d", bytes: [1], condition: .none)
            try await store.delete(["a/b/c"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/a") == ["d"])
            try await store.delete(["a/d"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [".berth"])
        }
    }

    @Test func putsIntoAFolderThatIsBeingRemoved() async throws {
        try await use { store, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        for round in 0..<25 {
                            let name = "shared/folder/\(worker)"
                            try await store.put(name, bytes: [UInt8(round)], condition: round % 2 == 0 ? .createOnly : .none)
                            #expect(try await store.get(name) == [UInt8(round)])
                            try await store.delete([name])
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func twoStoresOnOneFolderRaceSafely() async throws {
        try await use { first, path in
            let second = try DirectoryStore(path: path)
            var version = try await first.put("x", bytes: [0], condition: .none)
            for round in 0..<20 {
                let winners = try await withThrowingTaskGroup(of: ObjectVersion?.self) { group in
                    for (index, store) in [first, second, first, second].enumerated() {
                        group.addTask { [version] in
                            do {
                                return try await store.put("x", bytes: Array("\(round) \(index)".utf8), condition: .ifMatch(version))
                            } catch ObjectStoreError.preconditionFailed {
                                return nil
                            }
                        }
                    }
                    return try await group.reduce(into: [ObjectVersion]()) { if let winner = $1 { $0.append(winner) } }
                }
                #expect(winners.count == 1)
                version = winners.first ?? version
            }
            try await second.shutdown()
        }
    }

    @Test func aFolderThatIsGoneIsNotAnEmptyBucket() async throws {
        try await use { store, path in
            try await store.put("a", bytes: [1], condition: .none)
            // As when the file system is unmounted: the mount point stays, empty.
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            for request in [
                { _ = try await store.get("a") }, { _ = try await store.head("a") },
                { _ = try await store.list(prefix: "", after: nil, limit: 1) },
                { _ = try await store.put("a", bytes: [2], condition: .createOnly) }, { try await store.delete(["a"]) },
            ] as [() async throws -> Void] {
                await #expect { try await request() } throws: { error in
                    if case .unavailable = error as? ObjectStoreError { true } else { false }
                }
            }
        }
    }
}
