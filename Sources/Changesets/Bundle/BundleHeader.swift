public import FleetModel
import Foundation

/// Who wrote a bundle, and as which of its bundles.
public struct BundleHeader: Sendable, Hashable {
    public var session: SessionID
    public var node: NodeName
    public var number: UInt64

    public init(session: SessionID, node: NodeName, number: UInt64) {
        self.session = session
        self.node = node
        self.number = number
    }

    /// The name the object has when it was stored where it belongs.
    public var name: BundleName { BundleName(node: node, session: session, number: number) }
}

extension BundleHeader {
    var bytes: [UInt8] {
        var bytes = BundleLayout.headerMagic
        bytes.reserveCapacity(BundleLayout.headerLength)
        bytes.appendBigEndian(BundleLayout.version)
        bytes.appendIdentifier(session)
        bytes.appendBigEndian(number)
        let name = Array(node.description.utf8)
        bytes.append(UInt8(name.count))
        bytes += name
        bytes += repeatElement(0, count: BundleLayout.nodeNameCapacity - name.count)
        return bytes
    }

    /// Fails early, before any checksum, on what is no bundle or one of another version.
    static func checkMagic(_ bytes: ArraySlice<UInt8>) throws(BundleError) {
        guard bytes.count >= BundleLayout.headerLength else {
            throw .tooShort(length: bytes.count, minimum: BundleLayout.headerLength)
        }
        guard bytes.starts(with: BundleLayout.headerMagic) else { throw .headerMagicMissing }
        var reader = ByteReader(bytes.dropFirst(BundleLayout.headerMagic.count))
        let version = reader.read(UInt16.self) ?? 0
        guard version == BundleLayout.version else { throw .unsupportedVersion(version) }
    }

    init(from bytes: ArraySlice<UInt8>) throws(BundleError) {
        try Self.checkMagic(bytes)
        var reader = ByteReader(bytes.dropFirst(BundleLayout.headerMagic.count + 2))
        guard let session = reader.readIdentifier(as: SessionKind.self), let number = reader.read(UInt64.self),
            let nameLength = reader.read(UInt8.self), let nameRange = reader.skip(BundleLayout.nodeNameCapacity)
        else { throw .tooShort(length: bytes.count, minimum: BundleLayout.headerLength) }
        let field = bytes[nameRange]
        let name = field.prefix(Int(nameLength))
        guard name.count == Int(nameLength), field.dropFirst(name.count).allSatisfy({ $0 == 0 }),
            let node = try? NodeName(String(decoding: name, as: UTF8.self))
        else { throw .nodeNameInvalid }
        self.init(session: session, node: node, number: number)
    }
}

extension [UInt8] {
    mutating func appendIdentifier(_ identifier: Identifier<some Any>) {
        Swift.withUnsafeBytes(of: identifier.uuid.uuid) { append(contentsOf: $0) }
    }
}

extension ByteReader {
    mutating func readIdentifier<Of>(as _: Of.Type) -> Identifier<Of>? {
        guard let high = read(UInt64.self), let low = read(UInt64.self) else { return nil }
        let halves = (high.bigEndian, low.bigEndian)
        return withUnsafeBytes(of: halves) { Identifier(UUID(uuid: $0.loadUnaligned(as: uuid_t.self))) }
    }
}
