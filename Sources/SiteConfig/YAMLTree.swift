// YAML as a tree in which every value still knows its place and is still the text that was typed: what it means is for
// the schema to say (`no` may be a country).

struct YAMLNode {
    enum Content {
        /// `isPlain`: written without quotes.
        case scalar(String, isPlain: Bool)
        case list([YAMLNode])
        case map([YAMLEntry])
    }
    var place: Place
    var content: Content
    /// How many nodes hang on it, itself included, every alias counted as a copy.
    var weight: Int

    /// For messages.
    var kind: String {
        switch content {
        case .scalar: "a value"
        case .list: "a list"
        case .map: "a map"
        }
    }
}

struct YAMLEntry {
    var key: String
    var keyPlace: Place
    var value: YAMLNode
}
