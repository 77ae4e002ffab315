// swift-tools-version: 6.0
// The house: arrows point down only. See README.md for the picture.
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "CityEdge",
    products: [
        .executable(name: "cityedged", targets: ["cityedged"]),
        .executable(name: "cityedge", targets: ["cityedge"]),
        // For the platform's side: parse, merge and evaluate contributions.
        .library(name: "KPIs", targets: ["KPIs"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", "1.3.0"..<"2.0.0")
    ],
    targets: [
        .executableTarget(
            name: "cityedged", dependencies: ["Agent"], swiftSettings: strict,
            // The static runtime asks for all symbols to be exported; nobody loads anything into the daemon.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--no-export-dynamic"], .when(configuration: .release))]),
        .executableTarget(
            name: "cityedge",
            dependencies: ["Agent", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .target(
            name: "Agent", dependencies: ["Gateway", "SiteConfig", "LinuxWorld", "SimulatedWorld"], swiftSettings: strict),
        .target(
            name: "Gateway", dependencies: ["Sensors", "KPIs", "Outbox", "Uplink", "World"], swiftSettings: strict),
        .target(name: "SiteConfig", dependencies: ["CYaml", "Sensors", "KPIs", "World"], swiftSettings: strict),
        .target(
            name: "LinuxWorld", dependencies: ["World", "CGpio", "CMosquitto", "CLinux"], swiftSettings: strict),
        .target(name: "SimulatedWorld", dependencies: ["World"], swiftSettings: strict),
        .target(name: "Sensors", dependencies: ["World"], swiftSettings: strict),
        // Roots and rounding are calls of libm, and a platform's program may import no C library that brings it.
        .target(
            name: "KPIs", dependencies: ["World"], swiftSettings: strict, linkerSettings: [.linkedLibrary("m")]),
        .target(name: "Outbox", dependencies: ["World"], swiftSettings: strict),
        .target(
            name: "Uplink", dependencies: ["World"], exclude: ["contract.asyncapi.yaml"], swiftSettings: strict),
        .target(name: "World", swiftSettings: strict),

        .target(name: "CLinux"),
        .systemLibrary(name: "CGpio", providers: [.apt(["libgpiod-dev"])]),
        .systemLibrary(name: "CMosquitto", providers: [.apt(["libmosquitto-dev"])]),
        .systemLibrary(name: "CYaml", providers: [.apt(["libyaml-dev"])]),

        .testTarget(name: "WorldTests", dependencies: ["World"], swiftSettings: strict),
        .testTarget(name: "SensorsTests", dependencies: ["Sensors", "SimulatedWorld"], swiftSettings: strict),
        .testTarget(name: "KPIsTests", dependencies: ["KPIs"], swiftSettings: strict),
        .testTarget(
            name: "OutboxTests", dependencies: ["Outbox", "SimulatedWorld"], exclude: ["read_segment.py"],
            swiftSettings: strict),
        .testTarget(name: "UplinkTests", dependencies: ["Uplink"], swiftSettings: strict),
        .testTarget(
            name: "GatewayTests", dependencies: ["Agent", "Gateway", "KPIs", "SimulatedWorld"], exclude: ["Data"],
            swiftSettings: strict),
        .testTarget(name: "SiteConfigTests", dependencies: ["SimulatedWorld", "SiteConfig"], swiftSettings: strict),
        .testTarget(name: "SimulatedWorldTests", dependencies: ["SimulatedWorld"], swiftSettings: strict),
        .testTarget(name: "LinuxWorldTests", dependencies: ["LinuxWorld"], swiftSettings: strict),
        // The built programs, run as users run them, and the rules of this repository.
        .testTarget(
            name: "CommandTests", dependencies: ["cityedge", "cityedged"], exclude: ["Meters"], swiftSettings: strict),
        .testTarget(name: "RepositoryTests", dependencies: ["cityedged"], swiftSettings: strict),

        // The figures; Tests/Benchmarks/main.swift says how to run it.
        .executableTarget(
            name: "cityedge-bench",
            dependencies: [
                "CAllocations", "CSQLite", "Gateway", "KPIs", "LinuxWorld", "Outbox", "Sensors", "SimulatedWorld",
                "Uplink", "World",
                // Not linked in: built to stand beside it.
                "cityedged",
            ], path: "Tests/Benchmarks", exclude: ["CAllocations", "CSQLite"], swiftSettings: strict),
        .target(name: "CAllocations", path: "Tests/Benchmarks/CAllocations"),
        // The simulated chips as programs of the virtual board's kernel see them; Tests/VirtualBoard/chips runs it.
        .executableTarget(
            name: "virtual-chips", dependencies: ["LinuxWorld", "SimulatedWorld", "World"],
            path: "Tests/VirtualBoard/Chips", swiftSettings: strict),
        // Only to be measured beside the outbox.
        .systemLibrary(name: "CSQLite", path: "Tests/Benchmarks/CSQLite", providers: [.apt(["libsqlite3-dev"])]),
    ],
    swiftLanguageModes: [.v6]
)
