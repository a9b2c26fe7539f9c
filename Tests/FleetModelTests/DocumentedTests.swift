import Foundation
import Testing

/// The pages that say which test proves what, and which file holds a rule, name what there is.
struct DocumentedTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every word in backquotes of a page's tables.
    private static func quoted(in page: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: "docs/\(page)"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("|") }.flatMap { line in
            line.split(separator: "`", omittingEmptySubsequences: false).enumerated().compactMap { $0.offset.isMultiple(of: 2) ? nil : String($0.element) }
        }
    }

    private static func testSources() throws -> String {
        let files = try #require(FileManager.default.enumerator(at: root.appending(path: "Tests"), includingPropertiesForKeys: nil))
        var sources = ""
        for case let file as URL in files where file.pathExtension == "swift" { sources += try String(contentsOf: file, encoding: .utf8) }
        return sources
    }

    @Test(arguments: ["leases.md", "resilience.md"]) func whatAPageNamesIsThere(_ page: String) throws {
        let sources = try Self.testSources()
        let names = try Self.quoted(in: page)
        #expect(names.count > 30)
        for name in names {
            if name.hasPrefix("Sources/") {
                #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: name).path), "\(page) names \(name)")
            } else if name.hasSuffix(".pml") {
                #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: "ops/verification/models/\(name)").path), "\(page) names \(name)")
            } else if name.hasSuffix("Tests") {
                #expect(sources.contains("struct \(name)"), "\(page) names \(name)")
            } else if name.count > 18, name.allSatisfy({ $0.isASCII && $0.isLetter }) {
                #expect(sources.contains("func \(name)("), "\(page) names \(name)")
            }
        }
    }
}
