import Chaos
import Foundation
import Glibc

/// Makes calls of one node's processes on files of databases fail, through a library they are started with.
///
/// The library maps a page of a file, in which its rules are: so they change while the processes run, and hold for those
/// that are started meanwhile. What each byte means is told in `Sources/CFileFaults/faults.c`.
struct FileFaults: Sendable {
    private static let magic: UInt32 = 0x4246_4C54
    private static let pageBytes = 4096, rulesOffset = 8, countsOffset = 256

    let path: String

    /// Makes the page, with no rule in it.
    init(path: String) throws {
        self.path = path
        var page = Data(count: Self.pageBytes)
        withUnsafeBytes(of: Self.magic) { page.replaceSubrange(0..<4, with: $0) }
        try page.write(to: URL(fileURLWithPath: path))
    }

    /// The library, beside this program; `nil` when it was not built.
    static var library: String? {
        let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/libBerthFileFaults.so"
        return access(path, R_OK) == 0 ? path : nil
    }

    /// What processes are started with.
    func environment(library: String) -> [String: String] { ["LD_PRELOAD": library, "BERTH_FILE_FAULTS": path] }

    func begin(_ fault: FileFault) throws { try set(fault.calls, fault.reason.errorNumber, share: UInt16(fault.share)) }
    func end(_ fault: FileFault) throws { try set(fault.calls, 0, share: 0) }

    /// How many of these calls have failed so far.
    func failures(of calls: [FileFault.Call]) throws -> UInt64 {
        let page = try Data(contentsOf: URL(fileURLWithPath: path))
        return calls.reduce(into: 0) { sum, call in
            let offset = Self.countsOffset + 8 * Self.place(of: call)
            sum += page[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private func set(_ calls: [FileFault.Call], _ error: Int32, share: UInt16) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ChaosError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        for call in calls {
            let rule = [UInt16(error), share]
            guard pwrite(descriptor, rule, 4, off_t(Self.rulesOffset + 4 * Self.place(of: call))) == 4 else {
                throw ChaosError("\(path): \(String(cString: strerror(errno)))")
            }
        }
    }

    private static func place(of call: FileFault.Call) -> Int {
        let files = FileFault.File.allCases, operations = FileFault.Operation.allCases
        return (files.firstIndex(of: call.file) ?? 0) * operations.count + (operations.firstIndex(of: call.operation) ?? 0)
    }
}

extension FileFault.Reason {
    fileprivate var errorNumber: Int32 {
        switch self {
        case .noSpace: ENOSPC
        case .inputOutput: EIO
        case .noDescriptors: EMFILE
        case .noMemory: ENOMEM
        }
    }
}
