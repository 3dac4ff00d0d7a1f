import Foundation
import LMN
import LMNTestSupport
import Testing

/// Characters that are not in the vocabulary of a model.
@Suite struct UnknownCharacterTests {
  /// Skipping gives the result of the text without these characters, and their number.
  @Test func unknownCharactersCanBeSkipped() throws {
    try withSmallFiles { directory in
      try write("the cat\ncZatÄ the mat", to: directory + "/other.txt")
      try write("the cat\ncat the mat", to: directory + "/known.txt")
      let hint = "is not in the vocabulary; --skip-unknown leaves out such characters"
      for (command, name) in [
        (Command.evaluate, "other.txt"), (Command.generate + ["--prompt-file"], "the prompt"),
      ] {
        try expectRefusal(command + ["other.txt"], in: directory, hint)
        let skipped = try Command(command + ["other.txt", "--skip-unknown"], in: directory).finish()
        let known = try Command(command + ["known.txt", "--skip-unknown"], in: directory).finish()
        #expect(skipped.status == 0 && skipped.output == known.output)
        #expect(
          skipped.errors == "\(name): 2 characters outside the vocabulary left out\n",
          "\(skipped.errors)")
        #expect(known.errors.isEmpty)
      }
      let prompt = ["--prompt", "the cZat", "--skip-unknown"]
      let skipped = try Command(Command.generate + prompt, in: directory).finish()
      let known = try Command(Command.generate + ["--prompt", "the cat"], in: directory).finish()
      #expect(skipped.status == 0 && skipped.output == known.output)
      #expect(skipped.errors == "the prompt: 1 character outside the vocabulary left out\n")
      let empty = try Command(
        Command.generate + ["--prompt", "ZÄ", "--skip-unknown"], in: directory
      ).finish()
      #expect(empty.status == 2 && empty.errors.hasSuffix("Error: the prompt is empty\n"))
      let report = try Command(
        Command.evaluate + ["other.txt", "--skip-unknown", "--json"], in: directory
      ).finish().json()
      #expect(report["unknown_characters"] as? Int == 2)
    }
  }

  @Test func unknownCharactersOfTablesCanBeSkipped() throws {
    try withTables { directory in
      let flags = ["--tokenizer", "characters"]
      let train = ["train", "words.csv", "--task", "classify", "--output", "c", "--steps", "2"]
      #expect(try Command(train + smallFlags + flags, in: directory).finish().status == 0)
      try write("text,label\naxZy,A\nZ,B\nbxy,B\n", to: directory + "/other.csv")
      try write("text,label\naxy,A\n,B\nbxy,B\n", to: directory + "/known.csv")
      for command in ["evaluate", "predict"] {
        try expectRefusal(
          [command, "--model", "c", "other.csv"], in: directory,
          "other.csv: line 2, column 1 'text': the character 'Z' (U+005A) at offset 2 (line 1, column "
            + "3) is not in the vocabulary; --skip-unknown leaves out such characters")
        let skipped = try Command.run(
          command, "--model", "c", "other.csv", "--skip-unknown", in: directory)
        let known = try Command.run(command, "--model", "c", "known.csv", in: directory)
        #expect(skipped.status == 0 && skipped.output == known.output, "\(skipped.errors)")
        #expect(skipped.errors == "other.csv: 2 characters outside the vocabulary left out\n")
      }
      #expect(try trainForecaster(in: directory).status == 0)
      try expectRefusal(
        ["evaluate", "--model", "f", "series.csv", "--skip-unknown"], in: directory, status: 64,
        "--skip-unknown has no meaning for the task forecast")
    }
  }

  /// A model with an unknown token reads any text; the token stands for characters that occur once
  /// in its training text.
  @Test func unknownTokensAreTrained() throws {
    try withSmallFiles { directory in
      try write(smallText + "Q" + smallText, to: directory + "/once.txt")
      let trained = try Command(
        Command.train + ["once.txt", "--unknown", "--steps", "3"], in: directory
      ).finish()
      #expect(trained.status == 0, "\(trained.errors)")
      let model = try LanguageModel(contentsOf: directory + "/run")
      guard case .characters(let vocabulary) = model.tokenizer else {
        Issue.record("\(model.tokenizer)")
        return
      }
      #expect(vocabulary.characters.count == 15 && vocabulary.unknown == 15)
      #expect(try model.tokenizer.encode(Array("tQ€".utf8)).suffix(2) == [15, 15])
      #expect(model.network.configuration.vocabularySize == 16)

      try write("the cat\ncZat", to: directory + "/other.txt")
      let evaluated = try Command.run("evaluate", "--model", "run", "other.txt", in: directory)
      #expect(evaluated.status == 0 && evaluated.output.contains("(11 tokens)"))
      #expect(
        evaluated.errors
          == "other.txt: 1 character outside the vocabulary read as the unknown token\n")
      let skipped = try Command.run(
        "evaluate", "--model", "run", "other.txt", "--skip-unknown", in: directory)
      #expect(skipped.status == 0 && skipped.output.contains("(10 tokens)"))
      let written = try Command.run(
        "generate", "--model", "run", "--prompt", "Zürich", "--tokens", "5", in: directory)
      #expect(written.status == 0, "\(written.errors)")

      let resumed = try Command.run(
        "train", "once.txt", "--output", "run", "--resume", "--unknown", "--steps", "4",
        "--threads", "1", in: directory)
      #expect(resumed.status == 0, "\(resumed.errors)")
    }
  }

  @Test func unknownTokensNeedCharacters() throws {
    try withTables { directory in
      try expectRefusal(
        Command.train + ["text.txt", "--unknown", "--tokenizer", "bytes"], in: directory,
        status: 64,
        "--unknown has no meaning for tokens that are bytes")
      try expectRefusal(
        Command.train + ["words.csv", "--task", "classify", "--unknown"], in: directory, status: 64,
        "--unknown has no meaning for tokens that are bytes")
      try expectRefusal(
        Command.train + ["series.csv", "--task", "forecast", "--unknown"], in: directory,
        status: 64,
        "--unknown has no meaning for the task forecast")
      #expect(
        try Command(Command.train + ["text.txt", "--steps", "2"], in: directory).finish().status
          == 0)
      try expectRefusal(
        ["train", "text.txt", "--output", "run", "--resume", "--unknown", "--steps", "3"],
        in: directory,
        "--unknown is given, but the run to continue has a vocabulary without an unknown token")
    }
  }
}
