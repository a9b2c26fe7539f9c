public import FleetModel
public import Hrana

/// Which token opened a stream and what it allows.
public struct AccessRights: Sendable, Hashable {
    public var isReadOnly: Bool
    public var tokenDigest: [UInt8]

    public init(isReadOnly: Bool, tokenDigest: [UInt8]) {
        self.isReadOnly = isReadOnly
        self.tokenDigest = tokenDigest
    }
}

/// One request of a data protocol, as it came.
public struct HostCall: Sendable {
    /// By which whoever sends it knows it again; chosen by the host's owner side, 0 where nobody asks.
    public var id: UInt64 = 0
    public var route: DataRoute
    /// Of the path, without the question mark; only loading has one.
    public var query: String?
    public var body: [UInt8]
    public var access: AccessRights
    /// Why it may not write now, although its token may: the bucket is far behind. `nil` when it may.
    public var writesWait: BerthError?

    public init(route: DataRoute, query: String? = nil, body: [UInt8], access: AccessRights, writesWait: BerthError? = nil) {
        self.route = route
        self.query = query
        self.body = body
        self.access = access
        self.writesWait = writesWait
    }
}

/// What an answer rests on: what has to be true before it may be given.
public struct Basis: Sendable, Hashable {
    /// The last commit it may show.
    public var commit: UInt64
    /// It shows data, or what tables there are.
    public var showsData: Bool
    /// A write transaction of the request ended, perhaps with a commit.
    public var mayHaveCommitted: Bool

    public init(commit: UInt64, showsData: Bool, mayHaveCommitted: Bool) {
        self.commit = commit
        self.showsData = showsData
        self.mayHaveCommitted = mayHaveCommitted
    }

    /// Of an answer that shows nothing.
    public static let nothing = Basis(commit: 0, showsData: false, mayHaveCommitted: false)
}

public struct HostAnswer: Sendable {
    public var content: Result<HostReply, BerthError>
    public var basis: Basis
    /// Goes on after this answer; ends when the answer is not given.
    public var stream: UInt64?
    /// There is more of it: ``HostedDatabase/nextPiece(ofCursor:)``.
    public var cursor: UInt64?
    /// The host ended, or the database was closed, before anything of the call was carried out: it may be made once more. ``content`` is for
    /// whoever does not.
    public var mayBeMadeAgain = false

    public init(_ content: Result<HostReply, BerthError>, _ basis: Basis, stream: UInt64? = nil, cursor: UInt64? = nil) {
        self.content = content
        self.basis = basis
        self.stream = stream
        self.cursor = cursor
    }
}

/// An answer as its client gets it.
public struct HostReply: Sendable {
    /// HTTP status; an SQL error is part of a reply with status 200.
    public var status: Int
    public var contentType: String
    public var body: [UInt8]

    public init(status: Int = 200, contentType: String = "application/json", body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

/// A part of an answer that is sent while it is made.
public struct CursorPiece: Sendable {
    /// At least one line, unless it is the last piece, which may be empty.
    public var lines: [UInt8]
    public var basis: Basis
    public var isLast: Bool

    public init(lines: [UInt8], basis: Basis, isLast: Bool) {
        self.lines = lines
        self.basis = basis
        self.isLast = isLast
    }
}
