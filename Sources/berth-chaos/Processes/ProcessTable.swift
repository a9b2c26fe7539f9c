/// The machine's processes, as far as faults need them.
enum ProcessTable {
    /// Words of a process's command line; none when there is no such process.
    static func commandLine(of pid: Int32) -> [String] {
        pid > 0 ? KernelFile.text("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init) : []
    }
}
