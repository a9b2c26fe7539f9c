import FleetModel
import Foundation

// Layout, integers big-endian:
//   1 version | 8 stream | 8 sequence | 16 database | 8 epoch | 2 length of the digest | digest | tag
// as base64url without padding. The tag covers everything before it.
extension Baton {
    /// Tags shorter than this, in bytes, are never accepted.
    public static let minimumTagLength = 16
    /// The longest digest, in bytes.
    public static let maximumDigestLength = 64
    /// Texts longer than this, in characters, are not looked at.
    public static let maximumEncodedLength = 512

    private static let version: UInt8 = 1
    private static let fixedLength = 1 + 8 + 8 + 16 + 8 + 2

    /// The baton as text.
    ///
    /// - Parameter tag: The authentication tag of some bytes: a MAC under a key that only the fleet knows, at least
    ///   ``minimumTagLength`` bytes.
    /// - Precondition: `tokenDigest` has at most ``maximumDigestLength`` bytes.
    public func encoded(tag: ([UInt8]) -> [UInt8]) -> String {
        precondition(tokenDigest.count <= Self.maximumDigestLength, "a digest is at most \(Self.maximumDigestLength) bytes")
        var payload: [UInt8] = [Self.version]
        payload.append(bigEndian: streamID)
        payload.append(bigEndian: sequence)
        withUnsafeBytes(of: database.uuid.uuid) { payload.append(contentsOf: $0) }
        payload.append(bigEndian: epoch.value)
        payload.append(bigEndian: UInt16(tokenDigest.count))
        payload.append(contentsOf: tokenDigest)
        payload.append(contentsOf: tag(payload))
        return Base64.url.encode(payload)
    }

    /// Reads a baton and checks that we gave it out.
    ///
    /// Whether it is still good (stream, sequence, database, epoch, token) is for the caller to compare.
    ///
    /// - Parameter tag: The same function that encoded it. Compared in constant time, before any field is believed.
    public init(decoding text: String, tag: ([UInt8]) -> [UInt8]) throws(BatonError) {
        var text = text
        guard text.utf8.count <= Self.maximumEncodedLength, let bytes = text.withUTF8({ Base64.url.decode($0) }),
            bytes.count > Self.fixedLength, bytes[0] == Self.version
        else { throw .malformed }
        let digestLength = Int(bytes.integer(at: Self.fixedLength - 2, as: UInt16.self))
        let payloadLength = Self.fixedLength + digestLength
        guard digestLength <= Self.maximumDigestLength, bytes.count > payloadLength else { throw .malformed }

        let payload = Array(bytes[..<payloadLength])
        let expected = tag(payload)
        guard expected.count >= Self.minimumTagLength, isEqualInConstantTime(expected, bytes[payloadLength...]) else {
            throw .forged
        }
        let uuid = payload.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(fromByteOffset: 17, as: uuid_t.self)) }
        self.init(
            streamID: payload.integer(at: 1), sequence: payload.integer(at: 9), database: DatabaseID(uuid),
            epoch: Epoch(payload.integer(at: 33)), tokenDigest: Array(payload[Self.fixedLength...]))
    }
}

/// Takes the same time wherever the first difference is; only the lengths, which are public, are told at once.
private func isEqualInConstantTime(_ left: [UInt8], _ right: ArraySlice<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (one, other) in zip(left, right) { difference |= one ^ other }
    return difference == 0
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate func integer<Integer: FixedWidthInteger>(at offset: Int, as type: Integer.Type = Integer.self) -> Integer {
        self[offset..<offset + Integer.bitWidth / 8].reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
    }
}
