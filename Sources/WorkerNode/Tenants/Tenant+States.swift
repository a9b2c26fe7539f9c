/// Which states follow which. Every change is checked, in every build: a database that is given away is not served again, and what is
/// served was opened.
extension Tenant.State {
    func mayBecome(_ next: Tenant.State) -> Bool {
        switch (self, next) {
        // The lease can be lost at any moment, and that can be noticed twice.
        case (_, .gone): true
        case (.closed, .opening), (.closed, .quiesced), (.closed, .releasing): true
        case (.opening, .serving), (.opening, .closed), (.opening, .unopenable), (.opening, .accepting): true
        case (.serving, .closed), (.serving, .closing), (.serving, .quiesced): true
        // Served again when somebody was using it after all.
        case (.closing, .closed), (.closing, .serving): true
        // Again, when the search for an older state has an end.
        case (.unopenable, .opening), (.unopenable, .quiesced), (.unopenable, .unopenable): true
        case (.accepting, .serving), (.accepting, .closed): true
        // Served again after a handover that did not happen; without files after one that did, and came back.
        case (.quiesced, .serving), (.quiesced, .closed), (.quiesced, .quiesced), (.quiesced, .releasing): true
        case (.closed, _), (.opening, _), (.serving, _), (.closing, _), (.unopenable, _), (.accepting, _), (.quiesced, _), (.releasing, _), (.gone, _):
            false
        }
    }

    var isServing: Bool {
        if case .serving = self { true } else { false }
    }

    /// For messages.
    var name: String {
        switch self {
        case .closed: "closed"
        case .opening: "opening"
        case .serving: "served"
        case .closing: "being closed"
        case .unopenable: "unopenable"
        case .accepting: "accepting an older state"
        case .quiesced: "quiesced"
        case .releasing: "being released"
        case .gone: "gone"
        }
    }
}
