import Foundation
import LMN
import LMNTestSupport
import Testing

/// Texts that are missing, empty, too short, too long, or have unknown characters.
@Suite struct BadTextTests {
  @Test func textsAfterTheLastLearnedPositionAreRefused() throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/short.safetensors") {
        ($0.positions, $0.maximumLength) = (.learned, 100)
      }
      let model = ["--model", "short.safetensors"]
      try expectRefusal(
        ["evaluate", "text.txt"] + model, in: directory,
        "a stream of 1019 tokens reaches position 1018, after the last of 100 learned positions")
      try expectRefusal(
        ["generate", "--prompt", "the cat", "--tokens", "94"] + model, in: directory,
        "a stream of 101 tokens reaches position 100, after the last of 100 learned positions")
      try expectRefusal(
        ["generate", "--prompt-file", "text.txt", "--tokens", "0"] + model, in: directory,
        "a stream of 1020 tokens reaches position 1019, after")
      let generated = try Command(
        ["generate", "--prompt", "the cat", "--tokens", "93"] + model, in: directory
      ).finish()
      #expect(generated.status == 0 && generated.output.count == 93)
    }
  }

  @Test func emptyTextsAreRefused() throws {
    try withSmallFiles { directory in
      try write("", to: directory + "/empty.txt")
      try expectRefusal(
        Command.train + ["empty.txt"], in: directory, "empty.txt: the text is empty")
      try expectRefusal(Command.train + ["-"], in: directory, "-: the text is empty")
      try expectRefusal(
        Command.evaluate + ["empty.txt"], in: directory,
        "empty.txt: there is nothing to predict in 0 tokens")
      try expectRefusal(
        Command.generate + ["--prompt-file", "empty.txt"], in: directory, "the prompt is empty")
      try expectRefusal(Command.generate + ["--prompt", ""], in: directory, "the prompt is empty")
      try expectRefusal(Command.generate, in: directory, "the prompt is empty")
    }
  }

  @Test func shortTextsAreRefused() throws {
    try withSmallFiles { directory in
      try write("the cat sat", to: directory + "/short.txt")
      try expectRefusal(
        Command.train + ["short.txt"], in: directory,
        "short.txt: the text is too short: 10 of its 11 tokens are in the training part, "
          + "but blocks of 16 need at least 17")
      try expectRefusal(
        Command.train + ["text.txt", "--carry", "--horizon", "60"], in: directory,
        "text.txt: the text is too short: its 918 training tokens, divided among a batch of 1, "
          + "give parts of 917 tokens, but a step reads 960 of each")
      try write("t", to: directory + "/letter.txt")
      try expectRefusal(
        Command.evaluate + ["letter.txt"], in: directory,
        "letter.txt: there is nothing to predict in 1 token")
      try expectRefusal(
        ["train", "--output", "run", "--block-length", "500000"], in: directory,
        "the built-in grammar: the text is too short")
    }
  }

  @Test func unknownCharactersAreNamed() throws {
    try withSmallFiles { directory in
      let sentence =
        "the character 'Z' (U+005A) at offset 9 (line 2, column 2) is not in the vocabulary"
      try write("the cat\ncZ", to: directory + "/other.txt")
      try expectRefusal(
        Command.generate + ["--prompt", "the cat\ncZ"], in: directory, "in the prompt, \(sentence)")
      try expectRefusal(
        Command.generate + ["--prompt-file", "other.txt"], in: directory,
        "in the prompt, \(sentence)")
      try expectRefusal(
        Command.generate, in: directory, input: "the cat\ncZ", "in the prompt, \(sentence)")
      try expectRefusal(Command.evaluate + ["other.txt"], in: directory, "other.txt: \(sentence)")
      try expectRefusal(
        Command.generate + ["--prompt", "\u{1B}[2J"], in: directory,
        "the character '\\u{1B}' (U+001B)")
    }
  }

  @Test func textsThatAreNotUTF8AreRefused() throws {
    try withSmallFiles { directory in
      try AtomicFile.write(
        Array(smallText.utf8.prefix(100)) + [0xFF] + Array(smallText.utf8),
        to: directory + "/binary.txt")
      let sentence = "the text is not valid UTF-8 at byte 100"
      try expectRefusal(Command.train + ["binary.txt"], in: directory, "binary.txt: \(sentence)")
      try expectRefusal(Command.evaluate + ["binary.txt"], in: directory, "binary.txt: \(sentence)")
      try expectRefusal(
        Command.generate + ["--prompt-file", "binary.txt"], in: directory,
        "in the prompt, \(sentence)")
    }
  }

  @Test func missingFilesAndDirectoriesAreNamed() throws {
    try withSmallFiles { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "/folder", withIntermediateDirectories: false)
      for (name, sentence) in [
        ("none", "cannot open none: No such file or directory"),
        ("folder", "cannot read folder: Is a directory"),
        ("text.txt/x", "cannot open text.txt/x: Not a directory"),
        ("", "cannot open : No such file or directory"),
      ] {
        try expectRefusal(Command.train + [name], in: directory, sentence)
        try expectRefusal(Command.evaluate + [name], in: directory, sentence)
        try expectRefusal(Command.generate + ["--prompt-file", name], in: directory, sentence)
        try expectRefusal(Command.generate + ["--load-state", name], in: directory, sentence)
        try expectRefusal(["verify", name], in: directory, sentence)
      }
      for model in ["none", "folder/model.safetensors", "folder"] {
        let path = model == "folder" ? "folder/model.safetensors" : model
        let sentence = "cannot open \(path): No such file or directory"
        try expectRefusal(["info", "--model", model], in: directory, sentence)
        try expectRefusal(["evaluate", "--model", model, "text.txt"], in: directory, sentence)
        try expectRefusal(["generate", "--model", model, "--prompt", "a"], in: directory, sentence)
      }
      try expectRefusal(
        Command.train + ["text.txt", "--resume"], in: directory,
        "cannot open run/training.safetensors: No such file or directory")
    }
  }
}
