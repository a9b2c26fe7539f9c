/// What travels between a node and its engine hosts, over one stream socket for each host.
///
/// Both ends are the same program, started by each other, so there is one version and no negotiation: the first frame of the node says which it
/// speaks, and a host that speaks another one ends. Numbers are little-endian.
///
/// ```
/// frame     length   u32   bytes that follow, 9 to FrameLimits.frameBytes
///           kind     u8    HostRequest.Kind from the node, HostMessage.Kind from the host
///           number   u64   the request this is, or the one it answers; 0 for what answers nothing
///           fields         those of the kind, in the order in which its coding writes them
/// text      u32 bytes, then UTF-8
/// bytes     u32 bytes, then as many
/// optional  u8 0, or u8 1 and the value
/// bulk      u8 0 and bytes, or u8 1 and u64 file, u64 bytes: what is larger than FrameLimits.inlineBytes lies in a file of the spool
///           folder, under this number; the reader removes it as soon as it has opened it
/// ```
///
/// Every length is checked before anything is allocated for it, and a frame has to be used up exactly. Bytes that are not a frame are an
/// ``FrameError``, and end the connection and the host at its other end.
public enum FrameLimits {
    /// One more with every change of the frames.
    static let version: UInt8 = 2
    /// The longest frame, without its length.
    public static let frameBytes = 1 << 20
    /// The longest request, answer, piece or changeset that goes through the socket.
    public static let inlineBytes = 256 << 10
    /// The longest text; one that is longer is cut off by whoever writes it.
    public static let textBytes = 64 << 10
    /// The largest file that is taken out of the spool.
    public static let spoolBytes = 64 << 30
    /// Kind and number.
    static let headBytes = 9
}

/// Bytes that are not what the other end would have sent.
public struct FrameError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
