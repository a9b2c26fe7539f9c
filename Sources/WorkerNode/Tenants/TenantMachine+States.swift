import EngineHost
import FleetModel
import FleetStore

extension TenantMachine {
    enum State: Sendable {
        /// The lease is held, and not about to be given away.
        case leading(Files, Drain)
        /// Nothing is served any more and everything is published: the lease is about to change hands.
        case quiesced((any HostedDatabase)?)
        /// The files are closed, everything is published, and a release was asked for that may yet happen.
        case releasing
        /// The lease is another's. This object is of no more use.
        case gone
    }

    /// What is done with the files while the database is led.
    enum Files: Sendable {
        case closed
        /// They are being brought to the head, or opened as a process or a host left them.
        case opening(Opening)
        case serving(any HostedDatabase)
        /// Nobody used it: they are being closed.
        case closing(Task<Void, Never>)
        /// What is published does not open. The lease is kept: nobody else could do more.
        case unopenable(Unopenable)
        /// An older state that an operator accepted: it is published as the next one, and served from then on.
        case accepting(any HostedDatabase)
    }

    struct Opening: Sendable {
        let task: Task<Void, any Error>
        /// Opened where the last process of this node stopped, and not served before what it left is published.
        var catchingUp: (any HostedDatabase)?
    }

    struct Unopenable: Sendable {
        var state: UnopenableState
        /// When it may be tried again: the bucket may have been repaired.
        var retryAt: Duration
    }

    /// On the way to giving the lease away.
    enum Drain: Sendable {
        case none
        /// New work is sent to the successor; what is under way may finish.
        case underWay
        /// What is committed could not be published in time: it ends without success.
        case over
    }

    /// What the files of a closed database are worth.
    enum Disk: Sendable {
        /// They may be gone on with, if they prove what they are.
        case provable
        /// Their host ended: they are what was committed under this lease, and are opened as they are.
        case kept
        /// Not the published state and commits of this node.
        case useless
    }
}

/// Which states follow which. Every change is checked, in every build: a database that is given away is not served again, and what is
/// served was opened.
extension TenantMachine.State {
    func mayBecome(_ next: TenantMachine.State) -> Bool {
        switch (self, next) {
        // The lease can be lost at any moment, and that can be noticed twice.
        case (_, .gone): true
        case (.leading(let files, _), .leading(let then, _)): files.mayBecome(then)
        // Only what is being drained.
        case (.leading(_, .none), .quiesced): false
        case (.leading(.closed, _), .quiesced), (.leading(.unopenable, _), .quiesced), (.leading(.serving, _), .quiesced): true
        // Rule 4: by a holder that cannot serve.
        case (.leading(.closed, _), .releasing): true
        // Served again after a handover that did not happen; without files after one that did, and came back.
        case (.quiesced, .leading(.serving, .none)), (.quiesced, .leading(.closed, .none)), (.quiesced, .quiesced), (.quiesced, .releasing): true
        case (.leading, _), (.quiesced, _), (.releasing, _), (.gone, _): false
        }
    }

    /// For messages.
    var name: String {
        switch self {
        case .leading(let files, .none): files.name
        case .leading(let files, .underWay), .leading(let files, .over): "\(files.name) and draining"
        case .quiesced: "quiesced"
        case .releasing: "being released"
        case .gone: "gone"
        }
    }
}

extension TenantMachine.Files {
    func mayBecome(_ next: TenantMachine.Files) -> Bool {
        switch (self, next) {
        case (.closed, .closed), (.closed, .opening): true
        case (.opening, .opening), (.opening, .serving), (.opening, .closed), (.opening, .unopenable), (.opening, .accepting): true
        case (.serving, .serving), (.serving, .closed), (.serving, .closing): true
        // Served again when somebody was using it after all.
        case (.closing, .closing), (.closing, .closed), (.closing, .serving): true
        // Again, when the search for an older state has an end.
        case (.unopenable, .unopenable), (.unopenable, .opening): true
        case (.accepting, .accepting), (.accepting, .serving), (.accepting, .closed): true
        case (.closed, _), (.opening, _), (.serving, _), (.closing, _), (.unopenable, _), (.accepting, _): false
        }
    }

    var name: String {
        switch self {
        case .closed: "closed"
        case .opening: "opening"
        case .serving: "served"
        case .closing: "being closed"
        case .unopenable: "unopenable"
        case .accepting: "accepting an older state"
        }
    }
}
