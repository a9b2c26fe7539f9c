enum Statistics {
    /// The middle value, or the mean of the two in the middle; 0 of nothing.
    static func median(_ values: [Double]) -> Double { percentile(values, 0.5) }

    /// The value below which `fraction` of all lie, interpolated between its neighbours; 0 of nothing.
    static func percentile(_ values: [Double], _ fraction: Double) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let position = fraction * Double(sorted.count - 1)
        let below = Int(position.rounded(.down))
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
    }
}
