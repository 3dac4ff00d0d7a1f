import Foundation
import LMN
import LMNTestSupport
import Testing

/// Levels of the trees that `lmn train` makes: those that training reaches, and no others.
@Suite struct LevelTests {
  /// Settings of the logarithmic memory in the configuration that a run would have.
  private func memory(
    _ flags: [String], file: String = "text.txt", in directory: String
  ) throws -> LogarithmicMemory.Settings {
    let result = try Command(
      ["train", file, "--print-config"] + flags, in: directory
    ).finish()
    #expect(result.status == 0, "\(result.errors)")
    return try Configuration(json: result.output).logarithmic
  }

  /// Highest level of the tree; nil for no limit.
  private func levels(
    _ flags: [String], file: String = "text.txt", in directory: String
  ) throws -> Int? {
    try memory(smallFlags + flags, file: file, in: directory).maximumLevels
  }

  /// The text has 1,020 tokens, of which 918 are for training.
  @Test(arguments: [
    ([], 3), (["--block-length", "15"], 3), (["--block-length", "14"], 2),
    (["--block-length", "1"], 1), (["--arity", "4", "--block-length", "31"], 2),
    (["--arity", "4", "--block-length", "30"], 1), (["--maximum-levels", "5"], 5),
    (["--maximum-levels", "none"], nil), (["--level-bias"], 3), (["--preset", "table1"], nil),
    // A row of 57 steps, also for a run of 2, which may go on; and one that learned positions end.
    (["--carry"], 8), (["--carry", "--steps", "2"], 8),
    (["--carry", "--horizon", "2", "--steps", "2"], 8),
    (["--carry", "--positions", "learned", "--maximum-length", "20"], 3),
    // Half of the text per row.
    (["--carry", "--batch-size", "2"], 7),
  ])
  func areThoseThatTrainingReaches(flags: [String], expected: Int?) throws {
    try withSmallFiles { directory in
      let found = try levels(flags, in: directory)
      #expect(found == expected)
    }
  }

  /// The longest text has 11 tokens.
  @Test func areThoseOfSeriesAndClassesToo() throws {
    try withTables { directory in
      let series = ["series.csv", "--task", "forecast", "--channels", "load"]
      let classes = ["words.csv", "--task", "classify"]
      for (arguments, expected) in [
        (series, 3), (series + ["--maximum-levels", "none"], nil), (classes, 2),
        (classes + ["--block-length", "4"], 1),
      ] as [([String], Int?)] {
        let found = try levels(Array(arguments.dropFirst()), file: arguments[0], in: directory)
        #expect(found == expected, "\(arguments)")
      }
    }
  }

  /// The network of a run has the limit, its file says so, and the tree of a long stream has no
  /// level above.
  @Test(arguments: [([], 3), (["--carry"], 8), (["--maximum-levels", "none"], nil)])
  func filesOfRunsNameThem(flags: [String], expected: Int?) throws {
    try withSmallFiles { directory in
      let trained = try Command(
        Command.train + ["text.txt", "--steps", "4"] + flags, in: directory
      ).finish()
      #expect(trained.status == 0, "\(trained.errors)")
      for name in ["model", "best", "training"] {
        let file = try Safetensors(contentsOf: "\(directory)/run/\(name).safetensors")
        let configuration = try Configuration(json: try #require(file.metadata["config"]))
        #expect(configuration.logarithmic.maximumLevels == expected)
        let shape = configuration.logarithmic.treeShape
        #expect(Tree(start: 1 << 20, length: 1, shape: shape).levels == expected ?? 20)
      }
      // The nodes of a stream's state: of one bank, the newest of every level.
      let network = try LanguageModel(contentsOf: directory + "/run").network
      var session = Session(network)
      session.read((0..<1000).map { Token($0 % 15) })
      let nodes = session.state.blocks[0]["nodes"].value.shape[0]
      #expect(nodes == Tree(start: 1000, length: 1, shape: network.shape).carriedRows.count)
      #expect(try Command.run("evaluate", "--model", "run", "text.txt", in: directory).status == 0)
    }
  }

  /// A resumed run keeps its levels, also where its configuration file does not name them.
  @Test func resumedRunsKeepThem() throws {
    try withSmallFiles { directory in
      let memory = #"{"kind": "logarithmic", "heads": 2, "banks": 1, "summarizer": "linear""#
      let json = #"{"layers": 2, "memories": [\#(memory)}, \#(memory), "arity": 3}]}"#
      try write(json, to: directory + "/config.json")
      let train =
        ["train", "text.txt", "--output", "run", "--config", "config.json", "--width", "8"]
        + ["--block-length", "17", "--batch-size", "1", "--evaluation-batches", "1"]
      #expect(try Command(train + ["--steps", "2"], in: directory).finish().status == 0)
      func found() throws -> [Int?] {
        let network = try LanguageModel(contentsOf: directory + "/run", weights: .last).network
        return network.configuration.memories.map {
          ($0.settings as? LogarithmicMemory.Settings)?.maximumLevels
        }
      }
      #expect(try found() == [3, 2])
      let resume = train + ["--resume", "--steps", "4"]
      let plain = ["train", "text.txt", "--output", "run", "--resume", "--steps", "4"]
      try expectRefusal(
        plain + ["--maximum-levels", "5"], in: directory,
        "--maximum-levels is 5, but the run to continue has 3")
      try expectRefusal(
        plain + ["--maximum-levels", "none"], in: directory,
        "--maximum-levels is none, but the run to continue has 3")
      let resumed = try Command(resume, in: directory).finish()
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(try found() == [3, 2])
    }
  }

  /// The printed configuration of a tree without limit is that of one when it is read again.
  @Test(arguments: [["--maximum-levels", "none"], ["--maximum-levels", "6"], []])
  func printedConfigurationsKeepThem(flags: [String]) throws {
    try withSmallFiles { directory in
      for kinds in [["--memory", "logarithmic"], ["--memory", "logarithmic,attention"]] {
        let sizes = ["--layers", "2", "--width", "8", "--heads", "2"] + kinds
        let printed = try Command(
          ["train", "text.txt", "--print-config"] + sizes + flags, in: directory
        ).finish()
        try write(printed.output, to: directory + "/printed.json")
        let again = try Command(
          ["train", "text.txt", "--print-config", "--config", "printed.json"], in: directory
        ).finish()
        #expect(again.status == 0 && again.output == printed.output, "\(again.errors)")
      }
    }
  }

  @Test(arguments: [
    (["--maximum-levels", "0"], "--maximum-levels is 0, it has to be from 1 to 47"),
    (["--maximum-levels", "48"], "--maximum-levels is 48, it has to be from 1 to 47"),
    (["--maximum-levels", "all"], "The value 'all' is invalid for '--maximum-levels"),
    (["--level-bias", "--maximum-levels", "none"], "--level-bias needs --maximum-levels"),
    (["--carry", "--batch-size", "0"], "--batch-size is 0"),
    (["--carry", "--block-length", "0"], "--block-length is 0"),
    (["--carry", "--horizon", "0"], "--horizon is 0"), (["--arity", "1"], "--arity is 1"),
  ])
  func wrongValuesAreWrongUsage(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "text.txt", "--output", "run"] + flags, in: directory, status: 64, sentence)
    }
  }
}

extension LanguageNetwork {
  /// Shape of the tree of the first block.
  fileprivate var shape: TreeShape { configuration.logarithmic.treeShape }
}
