import Foundation
import LMN
import LMNTestSupport
import Testing

/// Flags and files that give a network's configuration.
@Suite struct ConfigurationFlagTests {
  /// The configuration that a training run would have, as `--print-config` prints it.
  private func configuration(_ flags: [String], in directory: String) throws -> Configuration {
    let result = try Command(Command.train + ["text.txt", "--print-config"] + flags, in: directory)
      .finish()
    #expect(result.status == 0, "\(result.errors)")
    return try Configuration(json: result.output)
  }

  @Test func theConfigurationInForceIsPrintedAndNothingElse() throws {
    try withSmallFiles { directory in
      let before = try files(in: directory)
      let found = try configuration(
        ["--width", "16", "--window", "3", "--window-bias", "--arity", "4", "--dropout", "0.5"],
        in: directory)
      #expect((found.width, found.vocabularySize) == (16, 15) && found.dropout == 0.5)
      #expect((found.logarithmic.window, found.logarithmic.arity) == (3, 4))
      #expect(found.logarithmic.windowBias)
      #expect(try files(in: directory) == before)
    }
  }

  /// A file says what flags cannot, one memory per block; flags win over it.
  @Test func filesGiveAMemoryPerBlock() throws {
    try withSmallFiles { directory in
      let memory = #"{"kind": "logarithmic", "heads": 2, "banks": 1, "summarizer": "linear""#
      let json = #"{"layers": 2, "width": 16, "memories": [\#(memory)}, \#(memory), "window": 5}]}"#
      try write(json, to: directory + "/config.json")
      let flags = ["--config", "config.json", "--width", "8", "--layers", "2", "--heads", "2"]
      let found = try configuration(flags, in: directory)
      #expect(found.width == 8 && found.memories.count == 2)
      let settings = found.memories.map { $0.settings as? LogarithmicMemory.Settings }
      #expect(settings.map { $0?.window } == [0, 5])
      // It can be given back, is what a run has, and a resumed run has to agree.
      try write(found.json, to: directory + "/printed.json")
      let printed = ["--config", "printed.json"] + flags.dropFirst(2)
      #expect(try configuration(printed, in: directory) == found)
      let train = Command.train + ["text.txt", "--output", "run"]
      #expect(try Command(train + flags + ["--steps", "2"], in: directory).finish().status == 0)
      let model = try LanguageModel(contentsOf: directory + "/run")
      #expect(model.network.configuration == found)
      for (file, status) in [("printed.json", Int32(0)), ("other.json", 2)] {
        try write(#"{"width": 16}"#, to: directory + "/other.json")
        let resumed = try Command(
          [
            "train", "text.txt", "--output", "run", "--resume", "--steps", "3", "--print-config",
            "--config", file,
          ], in: directory
        ).finish()
        #expect(resumed.status == status, "\(resumed.errors)")
        #expect(resumed.errors.contains("--config") == (status != 0))
      }
    }
  }

  /// Flags set all memories of their kind.
  @Test func flagsSetEveryMemory() throws {
    try withSmallFiles { directory in
      let memory = #"{"kind": "logarithmic", "heads": 2, "banks": 1, "summarizer": "linear""#
      let json = #"{"layers": 2, "memories": [\#(memory)}, \#(memory), "arity": 3}]}"#
      try write(json, to: directory + "/config.json")
      let found = try configuration(
        ["--config", "config.json", "--layers", "2", "--window", "2"], in: directory)
      let settings = found.memories.map { $0.settings as? LogarithmicMemory.Settings }
      #expect(settings.map { $0?.window } == [2, 2] && settings.map { $0?.arity } == [2, 3])
      // Equal memories of all blocks are one memory.
      let repeated = try configuration(
        ["--layers", "4", "--memory", "logarithmic,logarithmic", "--window", "2"], in: directory)
      #expect(repeated.memoryKinds == ["logarithmic"] && repeated.logarithmic.window == 2)
    }
  }

  /// A flag of a kind of memory sets the memories of that kind, and is refused without any.
  @Test func flagsBelongToAKind() throws {
    try withSmallFiles { directory in
      let found = try configuration(
        ["--layers", "2", "--memory", "stateSpace,logarithmic", "--state-width", "8"],
        in: directory)
      #expect(found.memoryKinds == ["stateSpace", "logarithmic"])
      #expect(
        found.memories[0] == MemoryConfiguration(DiagonalStateSpace.Settings(stateWidth: 8)))
      for (flags, sentence) in [
        (
          ["--state-width", "8"],
          "--state-width has no meaning without a memory of the kind stateSpace"
        ),
        (
          ["--memory", "stateSpace"],
          "--heads has no meaning without a memory of the kind logarithmic or attention or linear"
        ),
      ] {
        let result = try Command(Command.train + ["text.txt"] + flags, in: directory).finish()
        #expect(result.status == 64 && result.errors.contains(sentence), "\(result.errors)")
      }
    }
  }

  @Test func flagsOfSlotsSetThem() throws {
    try withSmallFiles { directory in
      let found = try configuration(
        [
          "--layers", "2", "--memory", "slots,logarithmic", "--slots", "3", "--segment", "5",
          "--heads", "2", "--temperature", "0.5", "--no-forgetting",
        ], in: directory)
      var settings = SlotMemory.Settings()
      (settings.slots, settings.segment, settings.heads) = (3, 5, 2)
      (settings.temperature, settings.forgetting) = (0.5, false)
      #expect(found.memories[0] == MemoryConfiguration(settings))
    }
  }

  /// A flag sets the memories of all kinds that have the setting.
  @Test func flagsOfSeveralKindsSetAllOfThem() throws {
    try withSmallFiles { directory in
      let found = try configuration(
        [
          "--memory", "logarithmic,attention", "--layers", "2", "--width", "16", "--heads", "8",
          "--window", "3", "--banks", "1", "--rotary", "--rotary-base", "500", "--no-bias",
          "--scale", "width", "--norm", "layer",
        ], in: directory)
      let memories = found.memories.map(\.settings)
      let logarithmic = try #require(memories.first as? LogarithmicMemory.Settings)
      let attention = try #require(memories.last as? CausalAttention.Settings)
      #expect((logarithmic.heads, logarithmic.window, logarithmic.banks) == (8, 3, 1))
      #expect((attention.heads, attention.window, attention.rotaryBase) == (8, 3, 500))
      #expect(attention.rotary && !attention.bias && attention.scale == .width)
      #expect(found.norm == .layer)
    }
  }

  /// A resumed run has to agree in every kind of memory.
  @Test func contradictionsInOneKindAreNamed() throws {
    try withSmallFiles { directory in
      let json =
        #"{"layers": 2, "width": 8, "memories": [{"kind": "attention", "heads": 4}, "#
        + #"{"kind": "logarithmic", "heads": 2, "banks": 1, "summarizer": "linear"}]}"#
      try write(json, to: directory + "/config.json")
      let train = ["train", "text.txt", "--output", "run", "--block-length", "4"]
      let flags = ["--config", "config.json", "--batch-size", "1", "--steps", "1"]
      #expect(try Command(train + flags, in: directory).finish().status == 0)
      let resumed = try Command(
        train + ["--resume", "--steps", "2", "--heads", "2"], in: directory
      ).finish()
      #expect(resumed.status == 2)
      #expect(
        resumed.errors.contains("--heads is 2, but the run to continue has 2 and 4"),
        "\(resumed.errors)")
    }
  }

  @Test(arguments: [
    (["--heads", "2", "--memory", "attention", "--banks", "3"], "--banks", "logarithmic"),
    (["--rotary"], "--rotary", "attention"),
  ])
  func flagsOfAbsentKindsAreWrongUsage(flags: [String], flag: String, kind: String) throws {
    try withSmallFiles { directory in
      let result = try Command(Command.train + ["text.txt"] + flags, in: directory).finish()
      let sentence = "\(flag) has no meaning without a memory of the kind \(kind)."
      #expect(result.status == 64 && result.errors.contains(sentence), "\(result.errors)")
    }
  }

  /// The baseline of Table 1, and the flag that scales scores by the width of a head.
  @Test func presetsOfTheBaselineTakeFlags() throws {
    try withSmallFiles { directory in
      func memory(_ flags: [String]) throws -> CausalAttention.Settings? {
        let all = ["train", "text.txt", "--print-config", "--preset", "gpt2-table1"] + flags
        let result = try Command(all, in: directory).finish()
        let found = try Configuration(json: result.output)
        #expect((found.norm, found.activation, found.positions) == (.layer, .relu, .learned))
        return found.memories[0].settings as? CausalAttention.Settings
      }
      let (usual, lifted) = (try memory([]), try memory(["--scale", "head"]))
      #expect(usual?.scale == .width && usual?.bias == false)
      #expect(lifted?.scale == .head && lifted?.bias == false)
    }
  }

  @Test(arguments: [
    (["--memory", "lstm"], "The value 'lstm' is invalid for '--memory"),
    (["--memory", "logarithmic,"], "The value 'logarithmic,' is invalid for '--memory"),
    (["--memory", ""], "The value '' is invalid for '--memory"),
    (
      ["--layers", "1", "--memory", "logarithmic,logarithmic"],
      "--memory names 2 memories for 1 layers"
    ),
  ])
  func wrongKindsAreWrongUsage(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      let result = try Command(Command.train + ["text.txt"] + flags, in: directory).finish()
      #expect(result.status == 64 && result.errors.contains(sentence), "\(result.errors)")
    }
  }

  /// The fault of a Memformer's file is named, too; that of a flag is not the file's.
  @Test func faultsBelongToTheFileOrToTheFlag() throws {
    try withSmallFiles { directory in
      try write(#"{"feedForward": 9}"#, to: directory + "/config.json")
      let train = ["train", "text.txt", "--output", "run", "--config", "config.json"]
      let sentence = "Error: config.json: feedForward is 9, it has to be from 1 to 8"
      try expectRefusal(train, in: directory, sentence)
      try expectRefusal(train + ["--model", "memformer"], in: directory, sentence)
      try expectRefusal(
        train + ["--feed-forward", "10"], in: directory, status: 64,
        "Error: --feed-forward is 10, it has to be from 1 to 8")
    }
  }

  @Test(arguments: [
    ("[]", "it is no JSON object"),
    (#"{"colour": 1}"#, "unknown keys in the configuration: colour"),
    (#"{"memory": {"kind": "lstm"}}"#, "memory.kind is 'lstm'"),
    (#"{"vocab": 99}"#, "vocab is 99, the data has 15"),
    (#"{"dropout": 1}"#, "dropout is 1.0, it has to be from 0 to below 1"),
    (#"{"positions": "learned"}"#, "learned positions need a maximumLength"),
  ])
  func wrongFilesAreNamed(json: String, sentence: String) throws {
    try withSmallFiles { directory in
      try write(json, to: directory + "/config.json")
      let before = try files(in: directory)
      let result = try Command(
        Command.train + ["text.txt", "--config", "config.json"], in: directory
      ).finish()
      #expect(result.status == 2 && result.output.isEmpty)
      #expect(
        result.errors.hasPrefix("Error: config.json: ") && result.errors.contains(sentence),
        "\(result.errors)")
      #expect(try files(in: directory) == before)
    }
  }
}
