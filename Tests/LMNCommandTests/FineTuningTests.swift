import Foundation
import LMN
import LMNTestSupport
import Testing

/// `lmn train --from`: runs that begin with the weights of a model.
@Suite struct FineTuningTests {
  private static let training = [
    "--block-length", "16", "--batch-size", "1", "--evaluation-batches", "1", "--threads", "1",
  ]

  /// Weights by name; those that are as small as the learning rate of ``begun(_:in:)`` are 0.
  private func weights(_ path: String) throws -> [String: Tensor] {
    let state = try AnyModel(contentsOf: path).network.stateDictionary
    let tensors = state.tensors.map { tensor in
      Tensor(shape: tensor.shape, scalars: tensor.scalars.map { abs($0) < 1e-20 ? 0 : $0 })
    }
    return Dictionary(uniqueKeysWithValues: zip(state.names, tensors))
  }

  /// Trains with a learning rate that is too small to change a weight other than 0, and returns the
  /// weights.
  private func begun(_ arguments: [String], in directory: String) throws -> [String: Tensor] {
    let run = "run\(UInt32.random(in: 0 ... .max))"
    let result = try Command(
      ["train"] + arguments + Self.training + [
        "--output", run, "--steps", "1", "--learning-rate", "1e-30", "--schedule", "constant",
      ], in: directory
    ).finish()
    #expect(result.status == 0, "\(result.errors)")
    return try weights("\(directory)/\(run)/model.safetensors")
  }

  @Test func textsGoOnWithTheWeightsAndConfiguration() throws {
    try withSmallFiles { directory in
      let found = try begun(["text.txt", "--from", "model.safetensors"], in: directory)
      #expect(try found == weights(directory + "/model.safetensors"))
      // Flags that agree, and those of training.
      let flags = ["--width", "8", "--heads", "2", "--layers", "2", "--dropout", "0.1", "--carry"]
      let result = try Command(
        ["train", "text.txt", "--from", "model.safetensors", "--output", "run", "--steps", "3"]
          + Self.training + flags + ["--maximum-levels", "4"], in: directory
      ).finish()
      #expect(result.status == 0, "\(result.errors)")
      let configuration = try LanguageModel(contentsOf: directory + "/run").network.configuration
      #expect(configuration.dropout == 0.1 && configuration.logarithmic.maximumLevels == 4)
      #expect(try weights(directory + "/run") != found)
      // The best weights of a directory, or the last.
      try writeSmallModel(to: directory + "/run/best.safetensors", seed: 5)
      let (best, last) = (
        try begun(["text.txt", "--from", "run"], in: directory),
        try begun(["text.txt", "--from", "run", "--weights", "last"], in: directory)
      )
      #expect(try best == weights(directory + "/run/best.safetensors"))
      #expect(try last == weights(directory + "/run/model.safetensors"))
    }
  }

  /// The levels of a model that has no limit were trained elsewhere.
  @Test func levelsAreThoseOfTheModel() throws {
    try withSmallFiles { directory in
      for limit in [nil, 5] as [Int?] {
        try writeSmallModel(to: directory + "/m") { $0.logarithmic.maximumLevels = limit }
        let printed = try Command(
          ["train", "text.txt", "--from", "m", "--print-config", "--block-length", "16"],
          in: directory
        ).finish()
        #expect(try Configuration(json: printed.output).logarithmic.maximumLevels == limit)
      }
    }
  }

  @Test func convertedModelsGoOn() throws {
    try withSmallFiles { directory in
      for arguments in [
        ["--to-pytorch", "model.safetensors", "--output", "dict.safetensors"],
        ["dict.safetensors", "--heads", "2", "--vocabulary", "text.txt", "--output", "converted"],
      ] {
        let result = try Command(["convert"] + arguments, in: directory).finish()
        #expect(result.status == 0, "\(result.errors)")
      }
      let found = try begun(["text.txt", "--from", "converted"], in: directory)
      #expect(try found == weights(directory + "/model.safetensors"))
    }
  }

  @Test func memformersGoOn() throws {
    try withSmallFiles { directory in
      let sizes = ["--model", "memformer", "--width", "8", "--heads", "2", "--segment", "8"]
      let first = try Command(
        ["train", "text.txt", "--output", "m", "--steps", "2"] + sizes + Self.training,
        in: directory
      ).finish()
      #expect(first.status == 0, "\(first.errors)")
      #expect(
        try begun(["text.txt", "--from", "m"], in: directory) == weights(directory + "/m"))
      try write(smallText + "Ω", to: directory + "/more.txt")
      let (old, new) = try (
        weights(directory + "/m"),
        begun(["more.txt", "--from", "m", "--extend-vocabulary"], in: directory)
      )
      let name = "token_embedding_table.weight"
      let (before, after) = try (#require(old[name]), #require(new[name]))
      // The last row is that of the beginning of a segment.
      let tokens = before.shape[0] - 1
      #expect(after.shape == [tokens + 2, 8])
      #expect(after.rows(0..<tokens) == before.rows(0..<tokens))
      #expect(after.rows(tokens + 1..<tokens + 2) == before.rows(tokens..<tokens + 1))
      #expect(after.rows(tokens..<tokens + 1) != before.rows(tokens..<tokens + 1))
      for (flags, sentence) in [
        (["--slots", "3"], "--slots is 3, but the model to begin with has 16"),
        (["--model", "network"], "--model is network, but the model to begin with has memformer"),
      ] {
        try expectRefusal(
          ["train", "text.txt", "--from", "m", "--output", "r"] + flags, in: directory, sentence)
      }
    }
  }

  /// Every value of the smaller model is in the larger one, bit for bit, and the larger has new
  /// tokens' values that are not 0.
  private func expectOldValues(
    of old: [String: Tensor], in new: [String: Tensor], tokens: Int
  ) throws {
    #expect(Set(old.keys) == Set(new.keys))
    for (name, tensor) in old {
      let found = try #require(new[name])
      if found.shape == tensor.shape {
        #expect(found == tensor, "\(name)")
        continue
      }
      let axis = try #require(found.shape.indices.first { found.shape[$0] != tensor.shape[$0] })
      #expect(tensor.shape[axis] == tokens && found.shape[axis] > tokens, "\(name)")
      // Rows and columns of a matrix; a vector is one row.
      let (columns, more) = (tensor.shape.last!, found.shape.last!)
      var kept: [Float] = []
      var added: [Float] = []
      for (index, value) in found.scalars.enumerated() {
        let isOld = index % more < columns && index / more < tensor.count / columns
        if isOld { kept.append(value) } else { added.append(value) }
      }
      #expect(kept.map(\.bitPattern) == tensor.scalars.map(\.bitPattern), "\(name)")
      #expect(added.contains { $0 != 0 }, "\(name)")
    }
  }

  @Test(arguments: [false, true])
  func vocabulariesAreExtendedOnlyIfAsked(isTied: Bool) throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/m") { $0.tiedHead = isTied }
      try write(smallText + "Ωé!", to: directory + "/more.txt")
      let arguments = ["more.txt", "--from", "m"]
      try expectRefusal(
        ["train", "--output", "r"] + arguments, in: directory,
        "more.txt: 3 characters are not in the vocabulary of m: '!' (U+0021), '\\u{00E9}' (U+00E9), "
          + "'\\u{03A9}' (U+03A9); --extend-vocabulary adds them")
      try expectRefusal(
        ["train", "text.txt", "--validation", "more.txt", "--from", "m", "--output", "r"],
        in: directory, "text.txt, more.txt: 3 characters are not in the vocabulary")
      let more = try begun(arguments + ["--extend-vocabulary"], in: directory)
      try expectOldValues(of: weights(directory + "/m"), in: more, tokens: 15)
      // The tokens of the old characters are the same.
      let result = try Command(
        ["train"] + arguments + Self.training
          + ["--extend-vocabulary", "--output", "run", "--steps", "2"], in: directory
      ).finish()
      #expect(result.status == 0, "\(result.errors)")
      let model = try LanguageModel(contentsOf: directory + "/run")
      let old = try LanguageModel(contentsOf: directory + "/m")
      #expect(
        try model.tokenizer.encode(Array(smallText.utf8))
          == old.tokenizer.encode(Array(smallText.utf8)))
      #expect(model.tokenizer.vocabularySize == 18)
      #expect(
        try Command.run(
          "train", "--resume", "--output", "run", "--steps", "3", in: directory
        ).status == 0)
    }
  }

  @Test(arguments: [
    (["--width", "16"], "--width is 16, but the model to begin with has 8"),
    (["--layers", "1"], "--layers is 1, but the model to begin with has 2"),
    (["--heads", "4"], "--heads is 4, but the model to begin with has 2"),
    (["--window", "3"], "--window is 3, but the model to begin with has 0"),
    (
      ["--memory", "attention"],
      "--memory is attention, but the model to begin with has logarithmic"
    ),
    (["--level-bias"], "--level-bias is true, but the model to begin with has false"),
    (["--window-bias"], "--window-bias is true, but the model to begin with has false"),
    (["--tied-head"], "--tied-head is true, but the model to begin with has false"),
    (["--tokenizer", "bytes"], "--tokenizer is bytes, but the model to begin with has characters"),
    (["--task", "classify"], "--task is classify, but the model to begin with has text"),
    (["--model", "memformer"], "--model is memformer, but the model to begin with has network"),
  ])
  func contradictionsAreRefused(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "text.txt", "--from", "model.safetensors", "--output", "r"] + flags,
        in: directory, sentence)
    }
  }

  @Test(arguments: [
    (["--preset", "table1"], "--preset has no meaning with --from"),
    (["--initialisation", "normal"], "--initialisation has no meaning with --from"),
    (["--resume"], "--from is for a new run, it does not go with --resume"),
  ])
  func pointlessFlagsAreWrongUsage(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "text.txt", "--from", "model.safetensors", "--output", "r"] + flags,
        in: directory, status: 64, sentence)
      for flag in [["--extend-vocabulary"], ["--weights", "last"]] {
        try expectRefusal(
          ["train", "text.txt", "--output", "r"] + flag, in: directory, status: 64,
          "\(flag[0]) has no meaning without --from")
      }
    }
  }

  // MARK: - Classes and series

  @Test func classifiersGoOn() throws {
    try withTables { directory in
      #expect(
        try trainClassifier("--tokenizer", "characters", "--pooling", "last", in: directory).status
          == 0)
      #expect(
        try begun(["words.csv", "--from", "c"], in: directory)
          == weights(directory + "/c"))
      // Fewer classes than the model's are enough, more are not.
      try write("text,label\naxy,A\nbxy,B\nzzz,A\n", to: directory + "/few.csv")
      let train = ["train", "few.csv", "--from", "c", "--output", "r"]
      try expectRefusal(
        train, in: directory, "few.csv: 1 character is not in the vocabulary of c: 'z' (U+007A)")
      let more = try begun(["few.csv", "--from", "c", "--extend-vocabulary"], in: directory)
      try expectOldValues(of: weights(directory + "/c"), in: more, tokens: 5)
      try write("text,label\naxy,A\nbxy,D\n", to: directory + "/other.csv")
      try expectRefusal(
        ["train", "other.csv", "--from", "c", "--output", "r"], in: directory,
        "other.csv: line 3, column 2 'label': 'D' is not a label of the model: A, B, C")
      try expectRefusal(
        ["train", "words.csv", "--from", "c", "--output", "r", "--pooling", "max"], in: directory,
        "--pooling is max, but the model to begin with has last")
    }
  }

  /// A new series, of other values: the model's normalisation stays, as its weights need it.
  @Test func forecastersGoOn() throws {
    try withTables { directory in
      #expect(try trainForecaster(in: directory).status == 0)
      try write(
        "load,temp\n" + (0..<100).map { "\(900 + $0),\($0 % 7)\n" }.joined(),
        to: directory + "/new.csv")
      #expect(
        try begun(["new.csv", "--from", "f"], in: directory) == weights(directory + "/f"))
      let trained = try Command(
        ["train", "new.csv", "--from", "f", "--output", "run", "--steps", "2"] + Self.training,
        in: directory
      ).finish()
      #expect(trained.status == 0, "\(trained.errors)")
      let (old, new) = (
        try ForecasterModel(contentsOf: directory + "/f"),
        try ForecasterModel(contentsOf: directory + "/run")
      )
      #expect(new.channels == ["temp", "load"] && new.network.horizon == 3)
      #expect(new.network.normalisation == old.network.normalisation)
      #expect(
        try Command.run(
          "train", "--resume", "--output", "run", "--steps", "3", in: directory
        ).status == 0)
      let train = ["train", "new.csv", "--from", "f", "--output", "r"]
      for (flags, sentence) in [
        (["--horizon", "4"], "--horizon is 4, but the model to begin with has 3"),
        (["--channels", "load"], "--channels is load, but the model to begin with has temp,load"),
      ] { try expectRefusal(train + flags, in: directory, sentence) }
      try write("load\n" + (0..<100).map { "\($0)\n" }.joined(), to: directory + "/one.csv")
      try expectRefusal(
        ["train", "one.csv", "--from", "f", "--output", "r"], in: directory,
        "one.csv: there is no column 'temp'; the header names load")
    }
  }
}
