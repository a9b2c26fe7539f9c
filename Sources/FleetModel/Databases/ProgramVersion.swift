/// Which program a process runs, as others must know it to work with it.
public struct ProgramVersion: Sendable, Hashable {
    /// For people, such as `0.1.0`; empty for a program that did not tell.
    public var name: String
    /// What nodes say to each other beside the public protocols; 0 for a program that did not tell. One more with every change
    /// that a node of the version before would not understand.
    public var `protocol`: Int
    /// The newest format of bundles and changesets that it reads and can write.
    public var format: Int

    public init(name: String, protocol: Int, format: Int) {
        invariant(format >= 1, "formats count from 1")
        self.name = name
        self.protocol = `protocol`
        self.format = format
    }

    /// That of the program these sources make.
    public static let ofTheseSources = ProgramVersion(name: "0.1.0", protocol: 1, format: 1)
}
