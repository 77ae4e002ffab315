// Why a text was refused, and where.

public enum ContributionFault: Error, Equatable, Sendable {
    /// Not JSON: at this byte, this was expected.
    case syntax(offset: Int, expected: String)
    case tooLong(bytes: Int, limit: Int)
    case tooDeep(offset: Int)
    case missing(String)
    /// A member that this version does not know: it would be lost in the sum.
    case unknown(member: String)
    case twice(member: String)
    case outOfRange(member: String)
    case unknownVersion(Int64)
    case unknownIndicator(String)
    case unknownStateType(String)
    /// A name or word of a label, or the name of a table, that this version does not know.
    case unknownLabel(String)
    case unknownTable(String)
    /// A contribution of a batch whose constants have not been said.
    case unknownBinding(UInt64)
    /// Unit or state is not that of the indicator.
    case wrongUnit(String)
    case wrongState(String)
    /// The content is not the one that `h` was made of.
    case wrongHash
    /// The lane's item is something else.
    case otherKind(String)
    case otherLane(String)

    /// A word for the reason, to count by.
    public var reason: String {
        switch self {
        case .syntax: "syntax"
        case .tooLong: "too_long"
        case .tooDeep: "too_deep"
        case .missing: "missing_member"
        case .unknown: "unknown_member"
        case .twice: "member_twice"
        case .outOfRange: "out_of_range"
        case .unknownVersion: "unknown_version"
        case .unknownIndicator: "unknown_indicator"
        case .unknownStateType: "unknown_state"
        case .unknownLabel: "unknown_label"
        case .unknownTable: "unknown_table"
        case .unknownBinding: "unknown_binding"
        case .wrongUnit: "wrong_unit"
        case .wrongState: "wrong_state"
        case .wrongHash: "wrong_hash"
        case .otherKind: "other_kind"
        case .otherLane: "other_lane"
        }
    }
}
