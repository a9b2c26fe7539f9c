import FleetModel
import Foundation

// Layout, integers big-endian:
//   1 version | 8 stream | 8 sequence | 16 database | 8 epoch | [24 counters] | 2 length of the digest | digest | tag
// The counters (last rowid, changes, total changes) are there in the version of streams that hold nothing.
// as base64url without padding. The tag covers everything before it.
extension Baton {
    /// Tags shorter than this, in bytes, are never accepted.
    public static let minimumTagLength = 16
    /// The longest digest, in bytes.
    public static let maximumDigestLength = 64
    /// Texts longer than this, in characters, are not looked at.
    public static let maximumEncodedLength = 512

    private static let version: UInt8 = 1
    private static let restingVersion: UInt8 = 0x82
    private static let headLength = 1 + 8 + 8 + 16 + 8
    private static let countersLength = 3 * 8

    /// The baton as text.
    ///
    /// - Parameter tag: The authentication tag of some bytes: a MAC under a key that only the fleet knows, at least
    ///   ``minimumTagLength`` bytes.
    /// - Precondition: `tokenDigest` has at most ``maximumDigestLength`` bytes.
    public func encoded(tag: ([UInt8]) -> [UInt8]) -> String {
        invariant(tokenDigest.count <= Self.maximumDigestLength, "a digest is at most \(Self.maximumDigestLength) bytes")
        var payload: [UInt8] = [counters == nil ? Self.version : Self.restingVersion]
        payload.append(bigEndian: streamID)
        payload.append(bigEndian: sequence)
        withUnsafeBytes(of: database.uuid.uuid) { payload.append(contentsOf: $0) }
        payload.append(bigEndian: epoch.value)
        if let counters {
            for counter in [counters.lastInsertRowID, counters.changes, counters.totalChanges] { payload.append(bigEndian: counter) }
        }
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
        let (baton, payload, given) = try Self.parse(text)
        let expected = tag(Array(payload))
        guard expected.count >= Self.minimumTagLength, isEqualInConstantTime(expected, given) else { throw .forged }
        self = baton
    }

    /// Reads the baton of a stream that holds nothing, whoever made it.
    ///
    /// Its tag is not looked at: another leader may have made it, or an earlier process. Believing it gives its sender nothing that
    /// a request without a baton would not have, but numbers about what it changed itself.
    ///
    /// - Throws: `malformed`, also for a baton of any other stream.
    public init(resting text: String) throws(BatonError) {
        let (baton, _, _) = try Self.parse(text)
        guard baton.counters != nil else { throw .malformed }
        self = baton
    }

    private static func parse(_ text: String) throws(BatonError) -> (Baton, payload: ArraySlice<UInt8>, tag: ArraySlice<UInt8>) {
        var text = text
        guard text.utf8.count <= maximumEncodedLength, let bytes = text.withUTF8({ Base64.url.decode($0) }), let version = bytes.first,
            version == Self.version || version == restingVersion
        else { throw .malformed }
        let isResting = version == restingVersion
        let fixedLength = headLength + (isResting ? countersLength : 0) + 2
        guard bytes.count > fixedLength else { throw .malformed }
        let digestLength = Int(bytes.integer(at: fixedLength - 2, as: UInt16.self))
        let payloadLength = fixedLength + digestLength
        guard digestLength <= maximumDigestLength, bytes.count > payloadLength else { throw .malformed }

        let uuid = bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(fromByteOffset: 17, as: uuid_t.self)) }
        let baton = Baton(
            streamID: bytes.integer(at: 1), sequence: bytes.integer(at: 9), database: DatabaseID(uuid),
            epoch: Epoch(bytes.integer(at: 33)), tokenDigest: Array(bytes[fixedLength..<payloadLength]),
            counters: isResting
                ? SessionCounters(
                    lastInsertRowID: bytes.integer(at: headLength), changes: bytes.integer(at: headLength + 8),
                    totalChanges: bytes.integer(at: headLength + 16)) : nil)
        return (baton, bytes[..<payloadLength], bytes[payloadLength...])
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
