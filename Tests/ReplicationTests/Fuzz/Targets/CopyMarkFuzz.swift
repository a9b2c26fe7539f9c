import BerthTestKit
import Engines
import Foundation

/// The mark beside a local copy.
enum CopyMarkFuzz {
    static let target = FuzzTarget.text(
        "copy-mark",
        seeds: [
            #"{"position":{"seq":7,"checksum":18364758544493064720},"copy":"0190a5d0-0000-4000-8000-0000000000aa"}"#,
            #"{"copy":"0190a5d0-0000-4000-8000-0000000000aa","position":{"checksum":0,"seq":0}}"#,
        ], words: [#""seq":"#, #""checksum":"#, "{", "}", "null", "-", "e1", ".0"]
    ) { text in
        guard let mark = try? JSONDecoder().decode(LocalCopy.Mark.self, from: Data(text.utf8)) else { return .refused }
        let again = try JSONDecoder().decode(LocalCopy.Mark.self, from: JSONEncoder().encode(mark))
        try hold(again == mark, "\(mark), written and read again, is \(again)")
        return .accepted
    }
}
