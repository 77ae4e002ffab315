import KPIs
import Testing

@Suite("The catalogue of U4SSC")
struct U4SSCTests {
    @Test("It has 91 indicators, each with a code and slug of its own")
    func count() {
        #expect(U4SSC.entries.count == 91)
        #expect(Set(U4SSC.entries.map(\.code)).count == 91 && Set(U4SSC.entries.map(\.slug)).count == 91)
        #expect(Set(U4SSC.entries.map(\.name)).count == 91)
        for entry in U4SSC.entries {
            let isPlain = entry.slug.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
            }
            #expect(isPlain, "\(entry.slug)")
        }
    }

    @Test("3 dimensions of 45, 17 and 29, 7 sub-dimensions, 22 categories, 55 core and 36 advanced")
    func structure() {
        func sizes(_ key: (CatalogueEntry) -> String) -> [String: Int] {
            U4SSC.entries.reduce(into: [:]) { $0[key($1), default: 0] += 1 }
        }
        #expect(sizes(\.dimension) == ["Economy": 45, "Environment": 17, "Society and Culture": 29])
        #expect(
            sizes(\.subDimension) == [
                "ICT": 17, "Productivity": 7, "Infrastructure": 21, "Environment": 13, "Energy": 4,
                "Education, Health and Culture": 12, "Safety, Housing and Social Inclusion": 17,
            ])
        let categories = sizes(\.category)
        #expect(categories.count == 22)
        #expect(categories["Safety"] == 9 && categories["Water and Sanitation"] == 11 && categories["Health"] == 6)
        #expect(U4SSC.entries.count { $0.isCore } == 55)
        #expect(U4SSC.entries.allSatisfy { $0.code.hasSuffix("C") || $0.code.hasSuffix("A") })
    }

    @Test("Codes are DIM: SUB: CAT: number and letter, numbered from 1 within their category")
    func codes() {
        var next: [String: Int] = [:]
        for entry in U4SSC.entries {
            let parts = entry.code.split(separator: ": ")
            #expect(parts.count == 4, "\(entry.code)")
            let category = parts.dropLast().joined(separator: ": ")
            next[category, default: 0] += 1
            #expect(parts.last?.dropLast() == "\(next[category]!)", "\(entry.code)")
        }
    }

    @Test("What is told has a source, and what is not known has none")
    func provenance() {
        for entry in U4SSC.entries {
            #expect((entry.unit == nil) == (entry.unitProvenance == nil), "\(entry.code)")
            #expect((entry.sdg == nil) == (entry.sdgProvenance == nil), "\(entry.code)")
            #expect(entry.provenance != .memory, "\(entry.code): every name was found")
        }
    }

    @Test("An indicator is found by its code, however spaced and cased, and by its slug")
    func named() {
        for text in ["EN: EN: WS: 2C", "en:en:ws:2c", "EN:EN: WS:2C", "en-en-ws-2c", "EN-EN-WS-2C"] {
            #expect(U4SSC.named(text)?.name == "Water Consumption", "\(text)")
        }
        #expect(U4SSC.named("en-en-ws-9c") == nil && U4SSC.named("") == nil)
    }

    @Test("What a binding can name is one of the 91 or a metric of ours, and what nodes and city bring to it is said")
    func contributing() {
        for indicator in Indicator.all where !indicator.isU4SSC {
            #expect(U4SSC.named(indicator.code) == nil && U4SSC.named(indicator.slug) == nil, "\(indicator.code)")
        }
        for indicator in Indicator.all where indicator.isU4SSC {
            let entry = U4SSC.named(indicator.code)
            #expect(entry?.code == indicator.code && entry?.contributes == true, "\(indicator.code)")
            // Samples of drinking water only support theirs.
            let isSupporting = entry?.reasonWithoutNodes.contains("sensors can support it") == true
            #expect((entry?.shares != nil) != isSupporting, "\(indicator.code)")
        }
        #expect(U4SSC.named("sc-sh-si-2c")?.contributes == false && U4SSC.named("sc-sh-si-2c")?.shares == nil)
        #expect(U4SSC.named("sc-sh-sa-5a")?.reasonWithoutNodes.contains("dispatch") == true)
        #expect(U4SSC.entries.count { $0.shares != nil } == 22)
    }
}
