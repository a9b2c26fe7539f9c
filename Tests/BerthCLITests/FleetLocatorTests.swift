import FleetModel
import Foundation
import Testing

@testable import berth

@Suite struct FleetLocatorTests {
    /// A directory that is gone after the test.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "berth-locator-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func write(_ manager: String, to directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let file = DevFleetFile(
            manager: manager, gateway: "http://127.0.0.1:1", token: "t-\(manager)",
            nodes: [.init(name: "node-1", url: "http://127.0.0.1:2", pid: 3, supervisorPid: 4)])
        try JSONEncoder().encode(file).write(to: URL(fileURLWithPath: "\(directory)/dev.json"))
    }

    @Test func looksInOrder() throws {
        try withDirectory { root in
            var locator = FleetLocator(environment: [:], currentDirectory: "\(root)/here", home: "\(root)/home")
            let places = ["\(root)/home/.berth/dev", "\(root)/here/berth-dev", "\(root)/here"]
            for (number, place) in places.enumerated() {
                try write("http://h\(number)", to: place)
                #expect(try locator.address(url: nil, token: nil, directory: nil)
                    == FleetAddress(url: "http://h\(number)", token: "t-http://h\(number)", origin: "\(place)/dev.json"))
            }
            try write("http://env", to: "\(root)/env")
            locator.environment["BERTH_DIR"] = "\(root)/env"
            #expect(try locator.address(url: nil, token: nil, directory: nil).url == "http://env")
            try write("http://opt", to: "\(root)/here/opt")
            #expect(try locator.address(url: nil, token: nil, directory: "opt").url == "http://opt")
            locator.environment["BERTH_TOKEN"] = "mine"
            #expect(try locator.address(url: nil, token: nil, directory: "opt").token == "mine")
            #expect(try locator.address(url: nil, token: "given", directory: "opt").token == "given")
        }
    }

    @Test func aDirectoryThatIsNamedIsTheOnlyOne() throws {
        try withDirectory { root in
            try write("http://here", to: root)
            let locator = FleetLocator(environment: [:], currentDirectory: root, home: root)
            let error = try #require(throws: BerthError.self) {
                try locator.address(url: nil, token: nil, directory: "elsewhere")
            }
            #expect(error.code == .configurationInvalid && error.message.contains("\(root)/elsewhere/dev.json"))
        }
    }

    @Test func theLocalTokenIsSentToTheLocalFleetOnly() throws {
        try withDirectory { root in
            try write("http://127.0.0.1:7070", to: root)
            var locator = FleetLocator(environment: [:], currentDirectory: root, home: root)
            #expect(try locator.address(url: "http://127.0.0.1:7070/", token: nil, directory: nil).token != nil)
            #expect(try locator.address(url: "http://elsewhere:7070", token: nil, directory: nil).token == nil)
            locator.environment["BERTH_URL"] = "http://elsewhere:7070"
            #expect(try locator.address(url: nil, token: nil, directory: nil)
                == FleetAddress(url: "http://elsewhere:7070", token: nil, origin: "BERTH_URL"))
        }
    }

    @Test(arguments: ["", "localhost:7070", "ftp://a", "http://", "http://a?b=c", "not a url"])
    func refusesWhatIsNoAddress(url: String) {
        let locator = FleetLocator(environment: [:], currentDirectory: "/nowhere", home: "/nowhere")
        let error = #expect(throws: BerthError.self) { try locator.address(url: url, token: nil, directory: nil) }
        #expect(error?.code == .configurationInvalid)
    }

    @Test func saysThatAFileIsBroken() throws {
        try withDirectory { root in
            try Data("{".utf8).write(to: URL(fileURLWithPath: "\(root)/dev.json"))
            let locator = FleetLocator(environment: [:], currentDirectory: root, home: root)
            let error = #expect(throws: BerthError.self) { try locator.address(url: nil, token: nil, directory: nil) }
            #expect(error?.code == .configurationInvalid)
        }
    }

    @Test func writesDevFilesAsAgreed() throws {
        let file = DevFleetFile(
            manager: "m", gateway: "g", token: "t", nodes: [.init(name: "n", url: "u", pid: 1, supervisorPid: 2)])
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(file), as: UTF8.self)
            == #"{"gateway":"g","manager":"m","nodes":[{"name":"n","pid":1,"supervisor_pid":2,"url":"u"}],"token":"t"}"#)
    }
}
