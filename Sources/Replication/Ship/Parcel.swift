import Changesets
import FleetModel
import Foundation
import ObjectStores

/// A bundle that is made: its bytes and its name, which stay the same from one attempt to the next.
struct Parcel: Sendable {
    let shipments: [Shipment]
    let name: String
    let contents: ObjectContents
    let entries: [BundleEntry]
    /// What of the contents lies in a file.
    private(set) var file: SpoolFile?
    var isStored = false

    /// - Returns: the bundle, `nil` when nothing fits into it; and what does not, because its numbers contradict each other.
    /// - Throws: when a file cannot be read or written.
    static func make(of shipments: [Shipment], _ header: BundleHeader) throws -> (parcel: Parcel?, broken: [(shipment: Shipment, error: BundleError)]) {
        if shipments.count == 1, case .file(let file) = shipments[0].changeset.contents {
            do { return (try alone(shipments[0], file, header), []) } catch let error as BundleError { return (nil, [(shipments[0], error)]) }
        }
        var builder = BundleBuilder(session: header.session, node: header.node, number: header.number)
        var packed: [Shipment] = [], broken: [(shipment: Shipment, error: BundleError)] = []
        for shipment in shipments {
            do throws(BundleError) {
                try builder.append(shipment)
                packed.append(shipment)
            } catch { broken.append((shipment, error)) }
        }
        guard !packed.isEmpty else { return (nil, broken) }
        let (bytes, entries) = try builder.finish()
        return (Parcel(shipments: packed, name: header.name.description, contents: ObjectContents(bytes), entries: entries), broken)
    }

    private init(shipments: [Shipment], name: String, contents: ObjectContents, entries: [BundleEntry], file: SpoolFile? = nil) {
        self.shipments = shipments
        self.name = name
        self.contents = contents
        self.entries = entries
        self.file = file
    }

    /// What is in memory of a changeset at a time that lies in a file.
    private static let pieceBytes = 1 << 20

    /// A bundle of one changeset that lies in a file, with its stored form in another beside it.
    private static func alone(_ shipment: Shipment, _ file: SpoolFile, _ header: BundleHeader) throws -> Parcel {
        let changeset = shipment.changeset
        let raw = ObjectContents([.file(path: file.path, range: 0..<Int64(file.size))])
        let middle = max(0, (file.size - pieceBytes) / 2)
        var stored = try StoredChangeset(rawLength: file.size, sample: try raw.read(middle..<min(middle + pieceBytes, file.size)))
        let path = "\(file.path).\(header.number)"
        guard FileManager.default.createFile(atPath: path, contents: nil) else { throw CocoaError(.fileWriteUnknown) }
        do {
            let output = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            for start in stride(from: 0, to: file.size, by: pieceBytes) {
                try output.write(contentsOf: try stored.append(try raw.read(start..<min(start + pieceBytes, file.size))))
            }
            try output.close()
        } catch {
            unlink(path)
            throw error
        }
        let (length, checksum) = stored.summary()
        let compressed = SpoolFile(path: path, size: Int(length))
        let (before, entry, after) = try BundleEntry(
            database: shipment.database, epoch: changeset.epoch, kind: .delta, firstSeq: changeset.position.seq,
            lastSeq: changeset.position.seq, previousChecksum: changeset.previous.checksum,
            checksum: changeset.position.checksum, pageSize: UInt32(changeset.pageSize), offset: 0, storedLength: length,
            rawLength: UInt64(file.size), compression: .zstd, storedChecksum: checksum, createdAt: changeset.createdAt
        ).alone(in: header)
        return Parcel(
            shipments: [shipment], name: header.name.description,
            contents: ObjectContents([.bytes(before), .file(path: path, range: 0..<Int64(length)), .bytes(after)]),
            entries: [entry], file: compressed)
    }
}

extension BundleBuilder {
    fileprivate mutating func append(_ shipment: Shipment) throws(BundleError) {
        let changeset = shipment.changeset
        guard case .bytes(let bytes) = changeset.contents else { brokenInvariant("a changeset in a file shares a bundle") }
        try append(
            database: shipment.database, epoch: changeset.epoch, kind: .delta, firstSeq: changeset.position.seq,
            lastSeq: changeset.position.seq, previousChecksum: changeset.previous.checksum,
            checksum: changeset.position.checksum, pageSize: UInt32(changeset.pageSize),
            createdAt: changeset.createdAt, changeset: bytes)
    }
}
