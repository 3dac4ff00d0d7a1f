// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A Swift target; the order of the calls below is the direction of the imports.
func module(_ name: String, dependsOn dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(of name: String, dependsOn dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies + ["LMNTestSupport"],
    swiftSettings: swiftSettings)
}

let package = Package(
  name: "LMN",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "LMN", targets: ["LMN"]),
    .library(name: "LMNExperiments", targets: ["LMNExperiments"]),
    .library(name: "LMNCharts", targets: ["LMNCharts"]),
    .library(name: "LMNKernels", targets: ["LMNKernels"]),
    .library(name: "LMNAutodiff", targets: ["LMNAutodiff"]),
    .library(name: "CLMN", targets: ["CLMN"]),
    .library(name: "COpenBLAS", targets: ["COpenBLAS"]),
    .executable(name: "lmn", targets: ["lmn"]),
  ],
  traits: [
    .trait(
      name: "OpenBLAS",
      description: "Weight gradients from 1024 x 512 on by OpenBLAS, if installed, on AVX2."),
    .default(enabledTraits: ["OpenBLAS"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .target(
      name: "CLMN",
      path: "csrc", exclude: ["README.md"],
      cSettings: [
        .headerSearchPath("."),
        .define("LMN_OPENBLAS", .when(traits: ["OpenBLAS"])),
      ],
      linkerSettings: [.linkedLibrary("omp5"), .linkedLibrary("m")]),
    module("LMNKernels", dependsOn: ["CLMN"]),
    module("LMNAutodiff", dependsOn: ["LMNKernels"]),
    module("LMNLayers", dependsOn: ["LMNKernels", "LMNAutodiff"]),
    module("LMNMemories", dependsOn: ["LMNKernels", "LMNAutodiff", "LMNLayers"]),
    module("LMNModel", dependsOn: ["LMNKernels", "LMNAutodiff", "LMNLayers", "LMNMemories"]),
    module(
      "LMNTraining",
      dependsOn: ["LMNKernels", "LMNAutodiff", "LMNLayers", "LMNMemories", "LMNModel"]),
    module("LMNCharts", dependsOn: []),
    module(
      "LMNExperiments",
      dependsOn: [
        "LMNKernels", "LMNAutodiff", "LMNLayers", "LMNMemories", "LMNModel", "LMNTraining",
        "LMNCharts",
      ]),
    module(
      "LMN",
      dependsOn: [
        "LMNKernels", "LMNAutodiff", "LMNLayers", "LMNMemories", "LMNModel", "LMNTraining",
      ]),
    .target(name: "CProcess"),
    .executableTarget(
      name: "lmn",
      dependencies: [
        "LMN", "LMNCharts", "LMNExperiments", "CProcess",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),

    .target(
      name: "LMNTestSupport",
      dependencies: ["LMNKernels", "LMNAutodiff", "LMNLayers", "LMNMemories"],
      path: "Tests/LMNTestSupport", swiftSettings: swiftSettings),
    .target(
      name: "CKernelTable", dependencies: ["CLMN"], path: "Tests/CKernelTable",
      cSettings: [.headerSearchPath("../../csrc")]),
    .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
    tests(of: "LMNKernels", dependsOn: ["LMNKernels", "CLMN", "CKernelTable"]),
    tests(of: "LMNAutodiff", dependsOn: ["LMNAutodiff", "LMNKernels"]),
    tests(of: "LMNLayers", dependsOn: ["LMNLayers", "LMNAutodiff", "LMNKernels"]),
    tests(of: "LMNMemories", dependsOn: ["LMNMemories", "LMNLayers", "LMNAutodiff", "LMNKernels"]),
    tests(
      of: "LMNModel",
      dependsOn: [
        "LMNModel", "LMNMemories", "LMNLayers", "LMNAutodiff", "LMNKernels", "CAllocationCount",
      ]),
    tests(of: "LMNTraining", dependsOn: ["LMN", "CLMN", "CAllocationCount"]),
    tests(of: "LMNCharts", dependsOn: ["LMNCharts"]),
    tests(
      of: "LMNExperiments",
      dependsOn: [
        "LMNExperiments", "LMNCharts", "LMNTraining", "LMNModel", "LMNMemories", "LMNLayers",
        "LMNAutodiff", "LMNKernels",
      ]),
    tests(of: "LMNCommand", dependsOn: ["LMN", "lmn"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
