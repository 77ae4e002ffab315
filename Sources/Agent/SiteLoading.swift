// Reading a configuration from files: the main file, its `conf.d`, the board definitions.

import Glibc
import LinuxWorld
public import SiteConfig
import World

public struct LoadedSite: Sendable {
    public var site: Site
    public var notices: [String]
    public var effective: String
}

/// Loads a configuration, or fails with every problem of the whole set, one a line.
public func loadSite(_ path: String) throws(Failure) -> LoadedSite {
    let main = try source(path)
    var dropIns: [SourceText] = []
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    for name in ((try? listDirectory(folder + "conf.d")) ?? []).sorted()
    where name.hasSuffix(".yaml") && !name.hasPrefix(".") {
        dropIns.append(try source(folder + "conf.d/" + name))
    }
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
    do throws(ConfigurationProblems) {
        let loaded = try Configuration.load(
            main: main, dropIns: dropIns, boards: boards, compatible: deviceTreeCompatible(),
            fileExists: { access($0, R_OK) == 0 })
        return LoadedSite(site: loaded.site, notices: loaded.notices.map(\.description), effective: loaded.effective)
    } catch {
        let problems = error
        let count = problems.problems.count + problems.omitted
        throw Failure(.configuration, "\(problems)\n\(count) problem\(count == 1 ? "" : "s")")
    }
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
