// The golden list of mistakes: what is no YAML, or YAML that nobody meant.

import SiteConfig
import Testing

@Suite struct MistakesInText {
    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    func told(mistake: Mistake) throws { try mistake.check() }

    static let mistakes: [Mistake] = [
        Mistake(
            "An empty file",
            "",
            [
                .at(
                    "1:1", "no `broker`", "the broker that readings go to",
                    "add `broker: {url: mqtts://mqtt.city.example:8883}`"),
                .at("1:1", "no `node`", "the name of this place", "add `node: {id: lamppost-0042, city: malaga}`"),
                .at(
                    "1:1", "no sensors", "at least one",
                    "add for example `sensors: [{id: air, driver: bme280, bus: i2c1}]`"),
            ]),
        Mistake(
            "A file of comments only, with one section",
            """
            # nothing
            node: {id: n1, city: c}

            """,
            [
                .at(
                    "2:1", "no `broker`", "the broker that readings go to",
                    "add `broker: {url: mqtts://mqtt.city.example:8883}`"),
                .at(
                    "2:1", "no sensors", "at least one",
                    "add for example `sensors: [{id: air, driver: bme280, bus: i2c1}]`"),
            ]),
        Mistake(
            "A list where the map should be",
            """
            - a
            - b

            """,
            [
                .at(
                    "1:1", "a list where the configuration should be", "a map: `node:`, `broker:`, `sensors:`, ...",
                    "see the example configuration")
            ]),
        Mistake(
            "A tab in the indentation",
            """
            node:
            \tid: x

            """,
            [
                .at(
                    "2:1", "a tab in the indentation", "spaces: YAML does not indent by tabs",
                    "replace every tab in the file by two spaces")
            ]),
        Mistake(
            "A tab after spaces were used",
            """
            node:
              id: x
            \tcity: y

            """,
            [
                .at(
                    "3:1", "a tab in the indentation", "spaces: YAML does not indent by tabs",
                    "replace every tab in the file by two spaces")
            ]),
        Mistake(
            "A line that is indented too far",
            """
            node:
              id: x
               city: y

            """,
            [
                .at(
                    "3:8", "a `:` where no key can be", "`key: value` in line with its neighbours",
                    "check the indentation here and above, and that a blank follows every `:` (or quote the value)")
            ]),
        Mistake(
            "A line that is indented too little",
            """
            node:
              id: n1
              city: c
            broker:
              url: mqtt://b
             sensors:
              - id: x

            """,
            [
                .at(
                    "6:2", "a line that does not fit the map begun on line 1",
                    "`key: value`, indented like the other keys of that map",
                    "check the indentation, and quotes that are left open above")
            ]),
        Mistake(
            "Two keys on one line",
            "node: id: x\n",
            [
                .at(
                    "1:9", "a `:` where no key can be", "`key: value` in line with its neighbours",
                    "check the indentation here and above, and that a blank follows every `:` (or quote the value)")
            ]),
        Mistake(
            "A missing blank after the colon",
            """
            node:
              id:x
              city: c

            """,
            [
                .at(
                    "3:7", "a `:` where no key can be", "`key: value` in line with its neighbours",
                    "check the indentation here and above, and that a blank follows every `:` (or quote the value)")
            ]),
        Mistake(
            "An open brace",
            """
            node: {id: x, city: y
            broker: {url: mqtt://b}

            """,
            [
                .at("2:7", "no end to the map opened with `{` on line 1", "`,` or `}`", "close the map with `}`")
            ]),
        Mistake(
            "An open bracket",
            "kpis: [a, b\n",
            [
                .at("2:1", "no end to the list opened with `[` on line 1", "`,` or `]`", "close the list with `]`")
            ]),
        Mistake(
            "An open bracket at the end",
            """
            node: {id: x, city: y}
            kpis: [

            """,
            [
                .at(
                    "3:1", "no value here", "a value, or the end of a `[` or `{` that is open",
                    "close every `[` with `]` and every `{` with `}`")
            ]),
        Mistake(
            "A Windows path in double quotes",
            "node: {id: \"a\\d\"}\n",
            [
                .at(
                    "1:14", "a `\\` in double quotes that YAML does not know", "`\\\\` for a backslash",
                    "use single quotes, in which `\\` is only itself")
            ]),
        Mistake(
            "An open quote",
            "node: {id: n1, city: \"c}\n",
            [
                .at("2:1", "no end to the quotes opened on line 1", "a closing quote", "close the quotes on line 1")
            ]),
        Mistake(
            "A list on the line of its key",
            "sensors: - id: x\n",
            [
                .at(
                    "1:10", "a `-` where no list can be", "the list on the line below its key",
                    "move the `-` to a line of its own")
            ]),
        Mistake(
            "A value that begins with a sign of YAML's",
            """
            node:
              id: n1
              city: @c

            """,
            [
                .at(
                    "3:9", "a value that begins with `@`", "a value that YAML can tell from its own signs",
                    "put the value in quotes")
            ]),
        Mistake(
            "A second document",
            head + air + """
                ---
                board: auto

                """,
            [
                .at(
                    "4:1", "a second document (`---`)", "one document in a file",
                    "remove the `---`, or move what follows to a file in conf.d")
            ]),
        Mistake(
            "A key twice in a map",
            head + air + """
                board: auto
                clock: ntp
                board: simulated

                """,
            [
                .at("6:1", "`board` a second time", "each key once in a map", "keep this one or the one at c.yaml:4:1")
            ]),
        Mistake(
            "An alias without its anchor",
            head + air + "clock: *where\n",
            [
                .at(
                    "4:8", "the alias `*where`", "an anchor (`&where`) of that name before it",
                    "write the value out, or quote it if the `*` belongs to it")
            ]),
        Mistake(
            "A tag",
            head + air + "clock: !secret clock\n",
            [
                .at(
                    "4:8", "the tag `!secret`", "plain values without tags",
                    "remove it: secrets are given as files (`password_file`)")
            ]),
        Mistake(
            "A list as key",
            head + air + """
                ? [a]
                : b

                """,
            [
                .at(
                    "4:3", "a list where a key should be", "`key: value`",
                    "quote the value if it begins with a bracket or brace")
            ]),
        Mistake(
            "A key without a value",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every:
                """),
            [
                .at("7:5", "`every` without a value", "a value after the `:`", "write one, or remove the key")
            ]),
        Mistake(
            "A list for a value",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: [1s]
                """),
            [
                .at("7:12", "a list for `every`", "one value", "write `every: ...` on one line")
            ]),
        Mistake(
            "A value for a map",
            """
            node: n1
            broker: b
            sensors: x
            kpis: {}

            """,
            [
                .at(
                    "1:7", "a value for `node`", "a map: `key: value` lines, indented",
                    "indent the keys of `node` below it"),
                .at(
                    "2:9", "a value for `broker`", "a map: `key: value` lines, indented",
                    "indent the keys of `broker` below it"),
                .at("3:10", "a value for `sensors`", "a list of sensors", "begin each of them with `- `"),
                .at("4:7", "a map for `kpis`", "a list of bindings", "begin each of them with `- `"),
            ]),
    ]
}
