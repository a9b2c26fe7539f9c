import BerthTestKit
import Changesets

enum ChangesetFuzzTargets {
    static let all = [BundleFuzz.target, HADBPFuzz.target, ZstdFuzz.target, name]

    private static let name = FuzzTarget.text(
        "bundle-name",
        seeds: [
            "bundles/n/0190a5d0-0000-7000-8000-0000000000aa/0000000000000007",
            "bundles/node-1/0190a5d0-0000-7000-8000-0000000000aa/ffffffffffffffff",
        ],
        words: ["bundles/", "/", "-", "0", "+", "\u{301}"]
    ) { text in
        guard let name = BundleName(text) else { return .refused }
        // Bytes: to Swift, strings are equal that a bucket tells apart.
        try hold(name.description.utf8.elementsEqual(text.utf8), "“\(text)” is read as \(name)")
        return .accepted
    }
}
