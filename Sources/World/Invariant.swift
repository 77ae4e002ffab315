// Programmer mistakes trap, in production too, and say why first: in an optimised build only `fatalError` still prints.

/// Traps with a printed reason when the condition does not hold. For what only a mistake of ours can cause; operating
/// faults are typed errors.
@inline(__always)
public func invariant(
    _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
    line: UInt = #line
) {
    if !condition() { invariantFailed(message(), file: file, line: line) }
}

@inline(never)
public func invariantFailed(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    fatalError("broken invariant at \(file):\(line): \(message)")
}
