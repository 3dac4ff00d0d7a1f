// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Fuzzing",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "LMN", path: "../..", traits: [])],
  targets: [
    // libFuzzer has the function main.
    .executableTarget(name: "Fuzz", dependencies: [.product(name: "LMN", package: "LMN")])
  ],
  swiftLanguageModes: [.v6]
)
