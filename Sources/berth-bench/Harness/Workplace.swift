import Foundation
import FleetModel

/// A new directory for the files of one run.
struct Workplace: Sendable {
    let path: String

    init(in parent: String) throws {
        path = parent + (parent.hasSuffix("/") ? "" : "/") + "berth-bench-" + UUID().uuidString.prefix(8).lowercased()
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        } catch {
            throw BerthError(.configurationInvalid, "Cannot make \(path): \(error.localizedDescription). Give another --directory.")
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Bytes of all files below `folder`.
    func bytes(of folder: String) -> Int {
        guard let files = FileManager.default.enumerator(atPath: folder) else { return 0 }
        var sum = 0
        for case let file as String in files {
            let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + file)
            if attributes?[.type] as? FileAttributeType == .typeRegular { sum += attributes?[.size] as? Int ?? 0 }
        }
        return sum
    }
}
