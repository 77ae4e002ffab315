// Reading a configuration from files: the main file, its `conf.d`, the board definitions.

import Glibc
import KPIs
import LinuxWorld
public import SiteConfig
import World

public struct LoadedSite: Sendable {
    public var site: Site
    public var notices: [String]
    public var effective: String
}

/// Loads a configuration, or fails with every problem of the whole set, one a line.
///
/// `anyBoard`: for commands that touch no hardware, on a computer that need not be the node: where the configuration
/// leaves it to the board to say which one it is, any board that has what the sensors ask for will do; `preferred`
/// before any other.
///
/// `judgesCertificates`: an instrument's certificate that has ended by the wall clock is a problem. Not for the agent:
/// a node in service goes on.
public func loadSite(
    _ path: String, anyBoard: Bool = false, preferred: String? = nil, judgesCertificates: Bool = false
) throws(Failure) -> LoadedSite {
    let main = try source(path)
    var dropIns: [SourceText] = []
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    for name in ((try? listDirectory(folder + "conf.d")) ?? []).sorted()
    where name.hasSuffix(".yaml") && !name.hasPrefix(".") {
        dropIns.append(try source(folder + "conf.d/" + name))
    }
    let boards = try shippedBoards()
    let attempt = { (more: [SourceText]) throws(ConfigurationProblems) -> LoadedSite in
        let loaded = try Configuration.load(
            main: main, dropIns: dropIns + more, boards: boards, compatible: deviceTreeCompatible(),
            knownGauges: AirGauges.declared, zone: ZoneFiles().lookUp,
            now: judgesCertificates ? UTC(seconds: Int64(time(nil))) : nil, fileExists: { access($0, R_OK) == 0 })
        return LoadedSite(site: loaded.site, notices: loaded.notices.map(\.description), effective: loaded.effective)
    }
    do throws(ConfigurationProblems) { return try attempt([]) } catch {
        if anyBoard, deviceTreeCompatible().isEmpty, error.description.contains("`board: auto`") {
            let names = boards.map { String($0.name.split(separator: "/").last?.dropLast(".yaml".count) ?? "") }
            for name in names.filter({ $0 == preferred }) + names.filter({ $0 != preferred }) {
                if let loaded = try? attempt([SourceText(name: "~", bytes: Array("board: \(name)\n".utf8))]) {
                    return loaded
                }
            }
        }
        let problems = error
        let count = problems.problems.count + problems.omitted
        throw Failure(.configuration, "\(problems)\n\(count) problem\(count == 1 ? "" : "s")")
    }
}

/// All board definitions.
func shippedBoards() throws(Failure) -> [SourceText] {
    var boards: [SourceText] = []
    if let shipped = Folders.shipped("boards") {
        for name in ((try? listDirectory(shipped)) ?? []).sorted() where name.hasSuffix(".yaml") {
            boards.append(try source(shipped + "/" + name))
        }
    }
    guard !boards.isEmpty else {
        throw Failure(
            .configuration,
            "no board definitions found; expected them in /usr/share/cityedge/boards or beside the program; "
                + "reinstall the package, or set CITYEDGE_DATA to the folder that has boards/")
    }
    return boards
}

private func source(_ path: String) throws(Failure) -> SourceText {
    do throws(SystemError) {
        return SourceText(name: path, bytes: try readFile(path, limit: Configuration.Limits.fileBytes + 1))
    } catch {
        throw Failure(
            .configuration,
            "\(path):1:1: \(error.reason); expected a configuration file that this user may read; check the path")
    }
}
