// `broker:` where to, with which credentials, under which topics.

import World

extension SiteLoader {
    func broker(_ top: inout Fields, node: Node?, fileExists: (String) -> Bool) -> BrokerSettings? {
        if !top.has("broker") {
            findings.addMissing(
                top.place, "no `broker`", "the broker that readings go to",
                "add `broker: {url: mqtts://mqtt.city.example:8883}`")
            _ = top.section("broker")
            return nil
        }
        var fields = top.section("broker")
        let url = fields.required("url", "the broker's address", example: "url: mqtts://mqtt.city.example:8883")
        let address = url.flatMap(address)
        let username = fields.scalar("username")
        let passwordFile = file(&fields, "password_file", fileExists)
        let ca = file(&fields, "ca", fileExists)
        let certificate = file(&fields, "certificate", fileExists)
        let key = file(&fields, "key", fileExists)
        let version = fields.scalar("version", default: "5").flatMap { findings.choice($0, of: ["5", "3.1.1"]) }
        let keepAlive = fields.scalar("keep_alive", default: "60s")
            .flatMap { findings.duration($0, in: .seconds(5)...Duration.seconds(65_535)) }
        let rootText = fields.scalar("root", default: "cityedge/v1/{city}/{node}")
        let root = rootText.flatMap { topicRoot($0, node) }
        fields.finish(Hint.broker)

        if fields.has("certificate") != fields.has("key") {
            let given = fields.has("key") ? "key" : "certificate"
            let missing = fields.has("key") ? "certificate" : "key"
            findings.addMissing(
                fields.place(of: given), "`\(given)` without `\(missing)`", "both: a client certificate needs its key",
                "add `\(missing): /etc/cityedge/node.\(missing == "key" ? "key" : "pem")`")
        }
        if let address, !address.isTLS {
            for key in ["ca", "certificate", "key"] where fields.has(key) {
                findings.add(
                    fields.place(of: key), "`\(key)` with an mqtt:// url", "TLS files with mqtts:// only",
                    "write `mqtts://` in the url, or remove `\(key)`")
            }
        }
        if fields.has("password_file"), !fields.has("username") {
            findings.addMissing(
                fields.place(of: "password_file"), "`password_file` without `username`", "both", "add `username: ...`")
        }
        guard let address, let version, let keepAlive, let root else { return nil }
        return BrokerSettings(
            address: address.broker, tls: address.isTLS ? TLSFiles(ca: ca, certificate: certificate, key: key) : nil,
            version: version == "5" ? .v5 : .v3_1_1, username: username?.text, passwordFile: passwordFile,
            keepAlive: keepAlive, topicRoot: root)
    }

    private func file(_ fields: inout Fields, _ key: String, _ fileExists: (String) -> Bool) -> String? {
        guard let scalar = fields.scalar(key) else { return nil }
        let path = resolved(scalar.text, in: folder)
        if !fileExists(path) {
            findings.add(
                scalar.place, "\(quoted("\(key): \(scalar.text)")), a file that is not there or not readable",
                "a readable file", "correct the path, or the file's owner and mode")
        }
        return path
    }

    // MARK: The url

    private func address(_ scalar: Scalar) -> (broker: BrokerAddress, isTLS: Bool)? {
        let expected = "mqtt://host[:port] or mqtts://host[:port]"
        var rest = Substring(scalar.text)
        if let at = rest.lastIndex(of: "@") {
            // Whoever reads the message must not read the password.
            findings.add(
                scalar.place, "a user name or password in `url`", "a url without them",
                "write `url: \(rest.hasPrefix("mqtts:") ? "mqtts" : "mqtt")://\(rest[rest.index(after: at)...])`,"
                    + " `username: ...`"
                    + " and `password_file: /etc/cityedge/password`")
            return nil
        }
        func refuse(_ remedy: String) -> (broker: BrokerAddress, isTLS: Bool)? {
            findings.add(scalar.place, quoted("url: \(scalar.text)"), expected, remedy)
            return nil
        }
        var scheme = ""
        if let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix("://") {
            scheme = String(rest[..<colon])
            rest = rest[colon...].dropFirst(3)
        } else {
            return refuse("write `url: mqtt\(rest.hasSuffix(":8883") ? "s" : "")://\(rest)`")
        }
        guard scheme == "mqtt" || scheme == "mqtts" else {
            let lower = scheme.lowercased()
            if ["ws", "wss"].contains(lower) {
                return refuse("use the broker's MQTT port: websockets are not offered")
            }
            let meant = ["ssl", "tls", "mqtts", "mqtt+ssl", "mqtt+tls", "https"].contains(lower) ? "mqtts" : "mqtt"
            return refuse("write `url: \(meant)://\(rest)`")
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        var host = rest
        var port: UInt16 = scheme == "mqtts" ? 8883 : 1883
        let afterBracket = rest.hasPrefix("[") ? rest.firstIndex(of: "]") : nil
        if let colon = rest[(afterBracket ?? rest.startIndex)...].firstIndex(of: ":") {
            host = rest[..<colon]
            let digits = rest[rest.index(after: colon)...]
            guard let number = UInt16(digits), number > 0, digits.first != "+" else {
                return refuse("write a port between 1 and 65535, as in `\(scheme)://host:\(port)`")
            }
            port = number
        }
        var isAddress = false
        if afterBracket != nil, host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            isAddress = host.contains(":") && host.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }
        } else {
            isAddress = host.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
                    || $0 == 0x2E || $0 == 0x5F
            }
        }
        guard isAddress, !host.isEmpty, host.utf8.count <= 253 else {
            return refuse("write the broker's name or address, and nothing after the port")
        }
        return (BrokerAddress(host: String(host), port: port), scheme == "mqtts")
    }

    // MARK: Topics

    private func topicRoot(_ scalar: Scalar, _ node: Node?) -> String? {
        let levels = scalar.text.split(separator: "/", omittingEmptySubsequences: false)
        var filled: [String] = []
        for level in levels {
            switch level {
            case "{city}": filled.append(node?.city ?? "city")
            case "{node}": filled.append(node?.id ?? "node")
            default:
                let isName =
                    !level.isEmpty
                    && level.utf8.allSatisfy {
                        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
                    }
                guard isName else {
                    findings.add(
                        scalar.place,
                        level.isEmpty
                            ? "an empty topic level in `root`" : "the topic level \(quoted(String(level))) in `root`",
                        "levels of a-z, 0-9, `_`, `-`, or {city} or {node}, joined by single `/`",
                        "write for example `root: cityedge/v1/{city}/{node}`")
                    return nil
                }
                filled.append(String(level))
            }
        }
        guard levels.contains("{node}") else {
            // One broker rule serves all nodes, and two nodes never write the same topic.
            findings.add(
                scalar.place, quoted("root: \(scalar.text)"), "a root that contains {node}",
                "write `root: \(scalar.text)/{node}`")
            return nil
        }
        guard filled.count <= 16 else {
            findings.add(scalar.place, "a `root` of \(filled.count) levels", "at most 16", "shorten it")
            return nil
        }
        return filled.joined(separator: "/")
    }
}
