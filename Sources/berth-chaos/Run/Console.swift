import Foundation

/// What a person who watches is told.
enum Console {
    /// At once, also into a file or a pipe.
    static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
