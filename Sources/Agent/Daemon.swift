// The daemon's command line: few words, because systemd types it.

import Glibc

/// Runs `cityedged` and never returns.
public func runDaemon() -> Never {
    let usage = """
        usage: cityedged --config FILE [--runtime FOLDER] [--state FOLDER]
               cityedged --version
        Runs the gateway until SIGTERM. Folders default to systemd's, then /run/cityedge and /var/lib/cityedge.
        Check a configuration with: cityedge validate FILE
        """
    var config: String?
    var runtime: String?
    var state: String?
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
        switch argument {
        case "--config", "-c": config = arguments.popFirst()
        case "--runtime": runtime = arguments.popFirst()
        case "--state": state = arguments.popFirst()
        case "--version":
            printLine("cityedged \(cityEdgeVersion)")
            exit(ExitCode.ok.rawValue)
        case "--help", "-h":
            printLine(usage)
            exit(ExitCode.ok.rawValue)
        default:
            printError("cityedged: unknown argument \(argument)\n\(usage)")
            exit(ExitCode.usage.rawValue)
        }
    }
    guard let config else {
        printError("cityedged: no configuration given\n\(usage)")
        exit(ExitCode.usage.rawValue)
    }
    exit(end { () throws(Failure) in
        try GatewayRun(site: loadSite(config).site, folders: .usual(runtime: runtime, state: state)).run()
    }.rawValue)
}

/// Runs a command to its end: what went wrong is printed, and how to exit returned.
public func end(_ body: () throws(Failure) -> Void) -> ExitCode {
    do throws(Failure) {
        try body()
        return .ok
    } catch {
        if !error.text.isEmpty { printError(error.text) }
        return error.code
    }
}
