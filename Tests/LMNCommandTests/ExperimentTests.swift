import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct ExperimentTests {
  private static let small = [
    "--width", "8", "--heads", "2", "--layers", "1", "--banks", "1", "--feed-forward", "1",
    "--examples", "8", "--epochs", "1", "--batch-size", "4", "--evaluations", "2",
    "--test-examples", "2", "--threads", "1", "--learning-rate", "1e-3,1e-2",
  ]
  private static let recall =
    ["experiment", "recall", "--sizes", "8/2,12/1", "--vocabulary", "20"] + small
  private static let needle =
    ["experiment", "needle", "--lengths", "32,40", "--test-lengths", "50"] + small

  private func run(_ arguments: [String], in directory: String = "/tmp") throws -> Command.Result {
    try Command(arguments, in: directory).finish()
  }

  @Test func recallIsReported() throws {
    let result = try run(Self.recall + ["--pinned", "2", "--json"])
    #expect(result.status == 0)
    let report = try result.json()
    let settings = try #require(report["settings"] as? [String: Any])
    let model = try #require(settings["model"] as? [String: Any])
    #expect(model["pinned"] as? Int == 2 && model["vocab"] as? Int == 20)
    let runs = try #require(report["runs"] as? [[String: Any]])
    #expect(runs.map { $0["steps"] as? Int } == [4, 4])
    let scores = try #require(report["scores"] as? [[String: Any]])
    #expect(scores.map { $0["length"] as? Int } == [8, 12])
    #expect(scores.map { $0["guess"] as? Double } == [0.5, 1])
    #expect(scores.allSatisfy { $0["chance"] as? Double == 0.1 })
    // A line per run, and one for each of its two validations.
    #expect(result.errors.split(separator: "\n").count == 6)
  }

  @Test func settingsFollowTheFlags() throws {
    let flags = [
      "--seed", "7", "--schedule", "constant", "--weight-decay", "0.5", "--clip", "2",
      "--initialisation", "orthogonal", "--json",
    ]
    let report = try run(Self.recall + flags).json()
    let settings = try #require(report["settings"] as? [String: Any])
    #expect(settings["seed"] as? Int == 7 && settings["schedule"] as? String == "constant")
    #expect((settings["optimizer"] as? [String: Any])?["weightDecay"] as? Double == 0.5)
    #expect(settings["gradient_clipping"] as? Double == 2)
    #expect(settings["initialisation"] as? String == "orthogonal")
    for (key, value) in [
      ("examples", 8), ("epochs", 1), ("batch_size", 4), ("evaluations", 2), ("test_examples", 2),
    ] {
      #expect(settings[key] as? Int == value, "\(key)")
    }
  }

  @Test func needlesAreFoundInATextToo() throws {
    try withTemporaryDirectory { directory in
      try write(smallText, to: directory + "/text.txt")
      for text in [[], ["text.txt"]] {
        let result = try run(
          Self.needle + text + ["--keys", "2", "--window", "3", "--curves", "curves.jsonl"],
          in: directory)
        #expect(result.status == 0)
        #expect(result.output.contains("whole codes, %; chance 0.001, a guess among the codes"))
        #expect(result.output.contains("depth 100"))
      }
      let lines = try String(contentsOfFile: directory + "/curves.jsonl", encoding: .utf8)
        .split(separator: "\n")
      #expect(lines.count == 2 * (1 + 2 * 2))
      #expect(lines[0].contains("\"random_letters\":true"))
      #expect(lines[5].contains("\"random_letters\":false"))
    }
  }

  /// Curves are added to no other file, and not to the text that is read.
  @Test func curvesDestroyNoFile() throws {
    try withTemporaryDirectory { directory in
      try write(smallText, to: directory + "/text.txt")
      for (arguments, sentence) in [
        (
          Self.needle + ["text.txt"],
          "text.txt is read by this command, so it cannot be its output"
        ),
        (Self.needle, "text.txt exists and is no file of learning curves"),
      ] {
        let result = try run(arguments + ["--curves", "text.txt"], in: directory)
        #expect(result.status == 2 && result.errors.contains(sentence), "\(result.errors)")
      }
      #expect(try AtomicFile.contents(of: directory + "/text.txt") == Array(smallText.utf8))
    }
  }

  @Test(arguments: [
    (["recall", "--sizes", "8"], "8"),
    (["recall", "--sizes", "8/2,"], "8/2,"),
    (["recall", "--sizes", "64/4", "--vocabulary", "64"], "a vocabulary of more than 64, not 64"),
    (["recall", "--learning-rate", "1e-3,x"], "1e-3,x"),
    (["recall", "--learning-rate", "0"], "--learning-rate is 0.0, it has to be above 0"),
    (["recall", "--heads", "5"], "5 heads do not divide a width of 32"),
    (["needle", "--lengths", "18"], "needs at least 19, for 1 needle and 1 question"),
    (["needle", "--keys", "0"], "the number of keys is 0, it has to be 1 to 1000"),
    (["needle", "--queries", "2"], "the number of queries is 2, it has to be 1 to 1"),
    (["needle", "--values", "9"], "needs at least 123, for 9 needles and 1 question"),
    (["needle", "--examples", "5"], "examples is 5, it has to be at least a batch of 64"),
  ])
  func wrongUsageIsRefused(arguments: [String], sentence: String) throws {
    let result = try run(["experiment"] + arguments)
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors.contains(sentence), "\(result.errors)")
  }

  @Test func unusableTextsAreRefused() throws {
    try withTemporaryDirectory { directory in
      try write("a < b", to: directory + "/text.txt")
      for (file, sentence) in [
        ("text.txt", "text.txt: the text contains '<', which is reserved for needles"),
        ("none.txt", "cannot open none.txt"),
      ] {
        let result = try run(Self.needle + [file], in: directory)
        #expect(result.status == 2 && result.output.isEmpty)
        #expect(result.errors.contains(sentence), "\(result.errors)")
      }
    }
  }
}
