// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  traits: [
    .trait(name: "OpenBLAS", description: "Times OpenBLAS beside LMN's products."),
    .default(enabledTraits: ["OpenBLAS"]),
  ],
  dependencies: [
    .package(
      name: "LMN", path: "..",
      traits: [.trait(name: "OpenBLAS", condition: .when(traits: ["OpenBLAS"]))]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(name: "CPeak"),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "CPeak",
        .product(name: "LMN", package: "LMN"),
        .product(name: "CLMN", package: "LMN"),
        .product(name: "COpenBLAS", package: "LMN", condition: .when(traits: ["OpenBLAS"])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
