extension HADBP {
    /// Everything before the entries.
    struct Header {
        var version: UInt8
        var flags: Flags
        var pageSize: Int
        var seq: UInt64
        var previousChecksum: UInt64
        var pageCount: UInt32
        var createdAt: Int64
        var declaredEndChecksum: UInt64?

        init(from reader: inout some ByteSource, profile: Profile) throws(HADBPError) {
            let length = reader.remaining
            guard length >= Layout.minimumLength else {
                throw .tooShort(length: length, minimum: Layout.minimumLength)
            }
            for expected in Layout.magic where reader.read(UInt8.self) != expected { throw .magicMissing }
            guard let version = reader.read(UInt8.self), let flags = reader.read(UInt8.self),
                let width = reader.read(UInt8.self), let pageSize = reader.read(UInt32.self),
                let seq = reader.read(UInt64.self), let previousChecksum = reader.read(UInt64.self),
                let pageCount = reader.read(UInt32.self), let createdAt = reader.read(Int64.self)
            else { throw .tooShort(length: length, minimum: Layout.minimumLength) }

            guard version == 1 || version == 2 else { throw .unsupportedVersion(version) }
            guard width == 4 || width == 8 else { throw .pageIDWidthInvalid(width) }
            guard Int(width) == profile.pageIDWidth else {
                throw .profileMismatch(expectedPageIDWidth: profile.pageIDWidth, found: Int(width))
            }
            self.flags = Flags(rawValue: flags)
            let allowed: Flags = profile == .sqlite ? [.endPageMarker, .compacted] : .compacted
            guard allowed.isSuperset(of: self.flags), self.flags.contains(.compacted) == (version == 2) else {
                throw .flagsInvalid(flags: flags, version: version)
            }
            guard pageSize > 0 else { throw .pageSizeOutOfRange(Int(pageSize)) }
            if version == 2 {
                guard length >= Layout.compactedMinimumLength, let declaredEnd = reader.read(UInt64.self) else {
                    throw .tooShort(length: length, minimum: Layout.compactedMinimumLength)
                }
                self.declaredEndChecksum = declaredEnd
            }
            self.version = version
            self.pageSize = Int(pageSize)
            self.seq = seq
            self.previousChecksum = previousChecksum
            self.pageCount = pageCount
            self.createdAt = createdAt
        }
    }
}
