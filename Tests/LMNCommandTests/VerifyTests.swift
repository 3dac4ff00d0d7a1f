import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct VerifyTests {
  private static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Goldens").standardized.path
  private static let linear = "\(goldens)/linear-12x3-L64.safetensors"
  private static let separable = "\(goldens)/depthwiseSeparable-4x4-L2.safetensors"
  /// A golden file of ten training steps, not usable by this command.
  private static let unusable = "\(goldens)/training-10-steps.safetensors"

  private func verify(_ arguments: String...) throws -> Command.Result {
    try Command(["verify"] + arguments, in: "/tmp").finish()
  }

  @Test func goldenFilesAreAccepted() throws {
    let result = try verify(Self.linear, Self.separable)
    #expect(result.status == 0 && result.errors.isEmpty)
    for text in [
      "\(Self.linear): accepted\n", "\(Self.separable): accepted\n", "  logits, parallel\n",
      "  logits, sequential\n", "  logits, prefill in chunks\n", "  loss\n",
      "  grad.blocks.0.summarizer.depthwise.weight\n",
    ] {
      #expect(result.output.contains(text))
    }
  }

  @Test func errorsBeyondTheToleranceAreMarked() throws {
    let result = try verify(Self.linear, "--tolerance", "1e-12")
    #expect(result.status == 1 && result.errors.isEmpty)
    #expect(result.output.hasPrefix("\(Self.linear): REFUSED\n"))
    #expect(result.output.contains("\n! "))
  }

  @Test func unusableFilesAreNamed() throws {
    let result = try verify(Self.unusable)
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(result.errors.hasPrefix("Error: \(Self.unusable): "))
    #expect(result.errors.split(separator: "\n").count == 1)
  }

  /// All files are verified; the exit code is that of the worst.
  @Test func mixturesReportEveryFile() throws {
    let result = try verify(Self.unusable, Self.linear, "/none", "--tolerance", "1e-12")
    #expect(result.status == 2)
    #expect(result.output.hasPrefix("\(Self.linear): REFUSED\n"))
    #expect(result.errors.split(separator: "\n").count == 2)
    #expect(result.errors.contains("Error: cannot open /none: No such file or directory\n"))
  }

  @Test func reportIsJSON() throws {
    let result = try verify(Self.linear, Self.separable, "--json")
    #expect(result.status == 0)
    let reports = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    #expect(reports.map { $0["file"] as? String } == [Self.linear, Self.separable])
    for report in reports {
      #expect(Set(report.keys) == ["accepted", "file", "items"])
      #expect(report["accepted"] as? Bool == true)
      let items = try #require(report["items"] as? [[String: Any]])
      #expect(items.count > 4)
      for item in items {
        #expect(Set(item.keys) == ["absolute_error", "name", "relative_error"])
        #expect(try #require(item["relative_error"] as? Double) <= 1e-4)
      }
    }
  }

  /// Writes the linear file with another configuration, another tensor or values added to one.
  private func change(
    to path: String, configuration: (String) -> String = { $0 }, tensor: String? = nil,
    values change: (inout [Float]) -> Void = { _ in }
  ) throws {
    let file = try Safetensors(contentsOf: Self.linear)
    var changed = Safetensors(
      metadata: ["config": configuration(try #require(file.metadata["config"]))])
    for entry in file.entries {
      if entry.type == .i64 {
        let (shape, values) = try file.integers(entry.name)
        changed.append(entry.name, shape: shape, integers: values)
      } else {
        var (shape, values) = try file.floats(entry.name)
        if entry.name == tensor { change(&values) }
        changed.append(entry.name, shape: shape, floats: values)
      }
    }
    try changed.write(to: path)
  }

  @Test(arguments: [
    (#""experts": 1"#, "unknown keys in the configuration: experts"),
    (#""summarizer": "conv""#, "the configuration cannot be read: "),
    (#""width": "12""#, "the configuration cannot be read: "),
    (#""heads": 5"#, "5 heads do not divide a width of 12"),
  ])
  func unknownConfigurationsAreUnusable(member: String, sentence: String) throws {
    try withTemporaryDirectory { directory in
      try change(to: directory + "/file") { json in
        let key = member.prefix { $0 != ":" }
        let rest = json.dropFirst().dropLast().split(separator: ", ").filter {
          !$0.hasPrefix(key)
        }
        return "{\((rest.map(String.init) + [member]).joined(separator: ", "))}"
      }
      let result = try verify(directory + "/file")
      #expect(result.status == 2)
      #expect(result.errors.hasPrefix("Error: \(directory)/file: \(sentence)"))
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }

  /// JSON has no infinity, so the report encodes it as a string.
  @Test func infiniteErrorsAreReported() throws {
    try withTemporaryDirectory { directory in
      try change(to: directory + "/file", tensor: "logits") { $0[0] = .infinity }
      #expect(try verify(directory + "/file").status == 1)
      let result = try verify(directory + "/file", "--json")
      #expect(result.status == 1 && result.errors.isEmpty)
      #expect(result.output.contains(#""relative_error" : "Infinity""#))
    }
  }

  @Test func weightsThatAreNotFiniteAreUnusable() throws {
    try withTemporaryDirectory { directory in
      try change(to: directory + "/file", tensor: "lm_head.bias") { $0[0] = .infinity }
      let result = try verify(directory + "/file")
      #expect(result.status == 2)
      #expect(
        result.errors
          == "Error: \(directory)/file: the tensor 'lm_head.bias' has a value that is not finite\n")
    }
  }
}
