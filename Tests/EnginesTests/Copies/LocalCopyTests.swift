import BerthTestKit
import FleetModel
import Foundation
import Testing

@testable import Engines

/// What the mark beside a copy says, and when it says nothing.
struct LocalCopyTests {
    private let disk: TemporaryDirectory
    private let copy: LocalCopy
    private let position = ChainPosition(seq: 7, checksum: 0xFEDC_BA98_7654_3210)
    private let id = CopyID.random()

    init() throws {
        disk = try TemporaryDirectory()
        copy = LocalCopy(database: .timeOrdered(), in: disk.path)
        try copy.markDirty()
        try Data("db".utf8).write(to: URL(fileURLWithPath: copy.filePath))
    }

    private var markFile: URL { URL(fileURLWithPath: copy.directory + "/clean.json") }

    @Test func aMarkIsReadBackByAnotherLife() throws {
        try copy.markClean(at: position, copy: id)
        let again = LocalCopy(database: copy.database, in: disk.path)
        #expect(try again.mark() == LocalCopy.Mark(position: position, copy: id))
        #expect(!FileManager.default.fileExists(atPath: markFile.path + ".new"))
    }

    @Test func aDirtyCopyHasNoMark() throws {
        try copy.markClean(at: position, copy: id)
        try copy.markDirty()
        try copy.markDirty()
        #expect(try copy.mark() == nil)
    }

    @Test func aMarkWithoutItsFileIsNotBelieved() throws {
        try copy.markClean(at: position, copy: id)
        try FileManager.default.removeItem(atPath: copy.filePath)
        #expect(try copy.mark() == nil)
        // At the origin there is no file to miss.
        try copy.markClean(at: .origin, copy: id)
        #expect(try copy.mark()?.position == .origin)
    }

    @Test func aMarkThatIsCutOffOrDamagedIsNotBelieved() throws {
        try copy.markClean(at: position, copy: id)
        let good = try Data(contentsOf: markFile)
        for length in 0..<good.count {
            try good.prefix(length).write(to: markFile)
            #expect(try copy.mark() == nil, "\(length) bytes")
        }
        try good.write(to: markFile)
        #expect(try copy.mark()?.position == position)
    }

    /// It says which commits are published: with one digit changed, what is not would count as published, and be lost.
    @Test func aWatermarkThatIsNotWhatWasWrittenIsNotBelieved() throws {
        let written = CopyWatermark(epoch: Epoch(3), copy: id, points: [
            CopyWatermark.Point(position: position, mark: CaptureMark(Data("mark".utf8))), CopyWatermark.Point(position: .origin, mark: nil),
        ])
        try copy.write(written)
        #expect(try copy.watermark() == written)
        let file = URL(fileURLWithPath: copy.directory + "/watermark.json"), good = try Data(contentsOf: file)
        for length in 0..<good.count {
            try good.prefix(length).write(to: file)
            #expect(try copy.watermark() == nil, "\(length) bytes")
        }
        for bit in 0..<(8 * good.count) {
            var damaged = good
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            try damaged.write(to: file)
            #expect(try copy.watermark() == nil, "bit \(bit)")
        }
        for damaged in [good + good, good + Data("\n".utf8), Data("\n".utf8) + good] {
            try damaged.write(to: file)
            #expect(try copy.watermark() == nil)
        }
        try good.write(to: file)
        #expect(try copy.watermark() == written)
    }

    /// A crash between writing the new mark and moving it into place.
    @Test func aMarkThatWasNotMovedIntoPlaceDoesNotCount() throws {
        try copy.markClean(at: position, copy: id)
        let mark = try Data(contentsOf: markFile)
        try copy.markDirty()
        try mark.write(to: URL(fileURLWithPath: markFile.path + ".new"))
        #expect(try copy.mark() == nil)
    }

    /// Want of descriptors, or of permission: the copy may be good, and must not be replaced.
    @Test func aMarkThatCannotBeReadIsAnError() throws {
        try copy.markClean(at: position, copy: id)
        try FileManager.default.removeItem(at: markFile)
        try FileManager.default.createDirectory(at: markFile, withIntermediateDirectories: false)
        let error = #expect(throws: BerthError.self) { try copy.mark() }
        #expect(error?.code == .diskUnavailable)
    }

    @Test func wipingLeavesNothing() throws {
        try copy.markClean(at: position, copy: id)
        try Data("wal".utf8).write(to: URL(fileURLWithPath: copy.filePath + "-wal"))
        try copy.wipe()
        #expect(try FileManager.default.contentsOfDirectory(atPath: copy.directory).isEmpty)
        #expect(try copy.mark() == nil)
    }

    @Test func databasesAreSpreadOverFolders() {
        let folders = Set((0..<200).map { _ in LocalCopy(database: .timeOrdered(), in: disk.path).directory.split(separator: "/").dropLast().last })
        #expect(folders.count > 100)
    }
}
