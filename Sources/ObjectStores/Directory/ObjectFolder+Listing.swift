import FleetModel
import Glibc

extension ObjectFolder {
    /// Objects in byte order of their names. One that is put or deleted meanwhile may or may not appear.
    func list(prefix: String, after: String?, limit: Int) throws -> [ObjectInfo] {
        try checkIsMounted()
        var found: [ObjectInfo] = []
        try walk("", prefix: prefix, after: after, limit: limit, into: &found)
        invariant(found.count <= limit, "a listing is longer than was asked for")
        invariant(zip(found, found.dropFirst()).allSatisfy { $0.name.precedesInBytes($1.name) }, "a listing is not in order")
        return found
    }

    /// - Parameter folder: Empty for the root, otherwise with a `/` at the end.
    private func walk(
        _ folder: String, prefix: String, after: String?, limit: Int, into found: inout [ObjectInfo]
    ) throws {
        let entries: [FolderEntry]
        do throws(PosixFailure) {
            entries = try FolderEntry.read(path(folder))
        } catch {
            // Removed as empty meanwhile.
            guard error.isAbsence, !folder.isEmpty else { throw error }
            return
        }
        // A folder sorts as its name with “/”, as its objects do: “a-b” is before “a/b”, though “a” is before “a-b”.
        let names = entries.map { (name: folder + $0.name + ($0.isFolder ? "/" : ""), isFolder: $0.isFolder) }
            .sorted { $0.name.precedesInBytes($1.name) }
        for (name, isFolder) in names {
            guard found.count < limit else { return }
            if isFolder {
                let mayHold = name.startsInBytes(with: prefix) || prefix.startsInBytes(with: name)
                let isBefore = after.map { !$0.startsInBytes(with: name) && name.precedesInBytes($0) } ?? false
                guard mayHold, !isBefore, name != "\(ObjectNaming.reservedComponent)/" else { continue }
                try walk(name, prefix: prefix, after: after, limit: limit, into: &found)
            } else {
                guard name.startsInBytes(with: prefix), after.map({ $0.precedesInBytes(name) }) ?? true else { continue }
                var status = stat()
                guard stat(path(name), &status) == 0 else { continue }
                found.append(ObjectInfo(name: name, size: Int64(status.st_size), lastModified: status.modified))
            }
        }
    }
}
