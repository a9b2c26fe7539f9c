import Foundation

/// Files of this package that tests use.
enum Repository {
    /// The package's root: this file is in `Tests/EndToEndTests/Support`.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    static func path(_ relative: String) -> String { "\(root)/\(relative)" }

    /// A script of `Clients/`.
    static func script(_ name: String) -> String { path("Tests/EndToEndTests/Clients/\(name)") }
}
