/// The labels of a host that is a DNS name, in lower case.
struct HostLabels {
    let labels: [String]

    /// `nil` for an IP address of either version and for everything that is not a DNS name.
    ///
    /// - Parameter host: With or without a port.
    init?(_ host: String) {
        let parts = host.split(separator: ":", omittingEmptySubsequences: false)
        // More than one colon: an IPv6 address, whose brackets are then no concern either.
        guard parts.count <= 2, var name = parts.first else { return nil }
        if parts.count == 2, !parts[1].utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) { return nil }
        if name.hasSuffix(".") { name = name.dropLast() }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = labels.last, labels.allSatisfy(Self.isLabel), !Self.isNumeric(last) else { return nil }
        self.labels = labels.map { $0.lowercased() }
    }

    private static func isLabel(_ label: Substring) -> Bool {
        !label.isEmpty
            && label.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// No top-level domain is a number: a name that ends in one is an IPv4 address, in whichever of its notations.
    private static func isNumeric(_ label: Substring) -> Bool {
        let digits = label.utf8
        if digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) { return true }
        return label.lowercased().hasPrefix("0x")
    }
}
