/// Lets other tasks run until `condition` holds. A test that waits in vain is ended by its time limit.
func eventually(_ condition: () async -> Bool) async {
    while !Task.isCancelled, !(await condition()) { try? await Task.sleep(for: .milliseconds(1)) }
}
