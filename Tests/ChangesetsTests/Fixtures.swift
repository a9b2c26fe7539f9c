import BerthTestKit
import Changesets
import FleetModel
import Foundation

/// The bytes written in hexadecimal; everything that is no digit is ignored.
func bytes(hex text: String) -> [UInt8] {
    let digits = text.compactMap { $0.hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

extension PageSet {
    init(pageSize: Int, endPageCount: UInt64?, contents: [(id: UInt64, bytes: [UInt8])]) {
        self.init(pageSize: pageSize, endPageCount: endPageCount)
        for content in contents {
            let start = bytes.count
            bytes += content.bytes
            pages.append(Page(id: content.id, bytes: start..<bytes.count))
        }
    }

    /// A set an engine could have captured; `endPageCount` is `nil` for a whole file.
    static func random(
        profile: HADBP.Profile, kind: ChangesetKind, pageSize: Int, using generator: inout SeededGenerator
    ) -> PageSet {
        let fileLength = UInt64.random(in: 1...40, using: &generator)
        let first: UInt64 = profile == .sqlite ? 1 : 0
        let ids = (first..<first + fileLength).filter { _ in kind == .snapshot || Bool.random(using: &generator) }
        let contents = ids.map { id in
            let fill = UInt8.random(in: 0...255, using: &generator)
            return (id: id, bytes: (0..<pageSize).map { $0 % 7 == 0 ? UInt8.random(in: 0...255, using: &generator) : fill })
        }
        let marked = profile == .sqlite && kind == .delta
        return PageSet(pageSize: pageSize, endPageCount: marked ? fileLength : nil, contents: contents)
    }
}

func databaseID(_ number: UInt64) -> DatabaseID {
    let text = String(number, radix: 16)
    let digits = String(repeating: "0", count: 12 - text.count) + text
    return DatabaseID(UUID(uuidString: "0190a5d0-0000-7000-8000-\(digits)") ?? UUID())
}

enum Golden {
    /// Vectors of the format's description.
    static let version1 = bytes(hex: """
        48414442500100040000100000000000000000010000000000000000 00000001 0102030405060708
        00000001 00000004 aaaaaaaa 2332a12a6479a06c
        """)
    static let version2 = bytes(hex: """
        48414442500280040000100000000000000000022332a12a6479a06c 00000001 1112131415161718 deadbeefcafebabe
        00000002 00000004 bbbbbbbb 3aafd49e3ec05175
        """)

    /// Written by an independent implementation from the same description.
    static let incremental = bytes(hex: """
        48414442500101040000020000000000000000022332a12a6479a06c 00000002 ffffffffffffffff
        00000001 00000003 cccccc 00000004 00000000 858178987e69a166
        """)
    static let compactedIncremental = bytes(hex: """
        484144425002810400000200000000000000000c0000000000000005 00000002 0000000000000001 deadbeefcafebabe
        00000002 00000001 07 00000003 00000000 0199161fc6bab1f2
        """)
    static let blocks = bytes(hex: """
        4841444250010008000400000000000000000009fedcba9876543210 00000002 0000018bcfe56800
        0000000000000000 00000002 0102 0000010000000000 00000000 713b523a61d4bda7
        """)
}
