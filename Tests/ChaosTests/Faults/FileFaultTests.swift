import Chaos
import Foundation
import LocalFleet
import Testing

@testable import berth_chaos

@Suite struct FileFaultTests {
    private static let kinds = FaultKind.groups["files"] ?? []

    /// Whatever a kind can do is done by some strength, and only to a sensible share of calls.
    @Test(arguments: FaultKind.allCases) func strengthsReachEveryChoice(kind: FaultKind) throws {
        let faults = (0..<1000).compactMap { FileFault(kind, strength: Double($0) / 1000) }
        guard Self.kinds.contains(kind) else {
            #expect(faults.isEmpty)
            return
        }
        #expect(faults.count == 1000)
        #expect(faults.allSatisfy { (200...1000).contains($0.share) })
        let files = Set(faults.flatMap(\.calls).map(\.file)), operations = Set(faults.flatMap(\.calls).map(\.operation))
        switch kind {
        case .fileFull:
            #expect(files == Set(FileFault.File.allCases) && operations == [.write])
            #expect(faults.allSatisfy { $0.share == 1000 && $0.reason == .noSpace })
        case .fileError:
            #expect(files == Set(FileFault.File.allCases) && operations == [.read, .write, .sync])
            #expect(faults.allSatisfy { $0.reason == .inputOutput })
        case .descriptorsOut: #expect(operations == [.open] && faults.allSatisfy { $0.calls.count == FileFault.File.allCases.count })
        default: #expect(operations == [.map, .read])
        }
    }

    /// A program that is started with the library meets the fault in files of that kind, and in no others, until it is over.
    @Test func callsOnOneKindOfFileFail() async throws {
        let library = try #require(FileFaults.library, "libBerthFileFaults.so is built with the tests")
        let directory = "/tmp/berth-file-faults-\(ProcessInfo.processInfo.processIdentifier)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let copy = "\(directory)/databases/abc/0000"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        let faults = try FileFaults(path: "\(directory)/page")
        func write(_ name: String, in folder: String = copy) async throws -> Bool {
            let child = try await ChildProcess.start(
                ["/bin/dd", "if=/dev/zero", "of=\(folder)/\(name)", "bs=4096", "count=1", "conv=fsync"],
                environment: faults.environment(library: library), output: "\(directory)/output")
            return await child.exitCode() == 0
        }
        #expect(try await write("db"))
        let full = try #require(FileFault(.fileFull, strength: 0.3))
        #expect(full.calls == [FileFault.Call(file: .sqliteLog, operation: .write)])
        try faults.begin(full)
        #expect(try await !write("db-wal"))
        let output = try String(contentsOfFile: "\(directory)/output", encoding: .utf8)
        #expect(output.contains("No space left on device"))
        #expect(try faults.failures(of: full.calls) > 0)
        for name in ["db", "db-shm", "db.wal", "watermark.json.new", "other"] { #expect(try await write(name), "\(name)") }
        #expect(try await write("db-wal", in: directory))
        try faults.end(full)
        #expect(try await write("db-wal"))

        let failures = try faults.failures(of: full.calls)
        let unopened = try #require(FileFault(.descriptorsOut, strength: 0.999_9))
        try faults.begin(unopened)
        for name in ["db", "db-wal", "db-shm", "db.wal", "clean.json"] {
            // Of 1,000 calls 999 fail.
            var succeeded = try await write(name)
            if succeeded { succeeded = try await write(name) }
            #expect(!succeeded, "\(name)")
        }
        #expect(try await write("db", in: directory))
        #expect(try faults.failures(of: full.calls) == failures)
    }
}
