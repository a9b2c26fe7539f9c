/// The part of libFuzzer that a program with a `main` of its own uses.
///
/// Source: “Using libFuzzer as a library” in <https://llvm.org/docs/LibFuzzer.html>.
enum LibFuzzer {
    typealias Check = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32

    /// Fuzzes as the command line says; does not return before the time is over or an input crashed.
    static func run(check: Check) -> Int32 {
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        return runDriver(&count, &arguments, check)
    }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ check: LibFuzzer.Check
) -> Int32
