import FleetModel
import Foundation
import Testing

@Suite struct HiddenPathTests {
    @Test(arguments: [
        ("Cannot open file \"/data/node/a.db.wal\": no", "Cannot open file \"a.db.wal\": no"), ("open /data/node: denied", "open the data directory: denied"),
        ("/data/other/a.db", "/data/other/a.db"), ("nothing", "nothing"),
        // A client's own name begins with a mark.
        ("open /data/node/\u{301}x", "open \u{301}x"), ("open /data/node\u{301}", "open the data directory\u{301}"),
    ])
    func theDirectoryIsNotTold(_ text: String, _ shown: String) {
        #expect(text.hidingDirectory("/data/node") == shown)
        #expect(BerthError(.diskUnavailable, text, retryAfter: 7).hidingDirectory("/data/node").message == shown)
        #expect(SQLError(code: "C", message: text).hidingDirectory("/data/node").message == shown)
        #expect("/".hidingDirectory("/") == "/")
    }

    @Test func norWhereItLeads() throws {
        let base = FileManager.default.temporaryDirectory.appending(path: "hidden-\(UUID())").resolvingSymlinksInPath()
        defer { try? FileManager.default.removeItem(at: base) }
        try FileManager.default.createDirectory(at: base.appending(path: "real"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(at: base.appending(path: "link"), withDestinationURL: base.appending(path: "real"))
        #expect("\(base.path)/real/a.db and \(base.path)/link/b.db".hidingDirectory("\(base.path)/link") == "a.db and b.db")
    }
}
