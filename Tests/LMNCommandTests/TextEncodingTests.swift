import Foundation
import LMN
import LMNTestSupport
import Testing

/// Byte-order marks, tables in Latin-1, and prompts and names that are not UTF-8.
@Suite struct TextEncodingTests {
  private let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private func write(_ bytes: [UInt8], to path: String) throws {
    try AtomicFile.write(bytes, to: path)
  }

  // MARK: - Byte-order marks

  /// A text has the tokens that it has without the mark, in training, evaluation and prompts.
  @Test func byteOrderMarksAreNoPartOfTexts() throws {
    try withSmallFiles { directory in
      try write(mark + smallText.utf8, to: directory + "/marked.txt")
      for (text, output) in [("text.txt", "a"), ("marked.txt", "b")] {
        let trained = try Command(
          ["train", text, "--output", output, "--steps", "2"] + smallFlags, in: directory
        ).finish()
        #expect(trained.status == 0, "\(trained.errors)")
      }
      #expect(
        try AtomicFile.contents(of: directory + "/a/model.safetensors")
          == AtomicFile.contents(of: directory + "/b/model.safetensors"))
      for command in [
        Command.evaluate, Command.generate + ["--prompt-file"],
        ["evaluate", "--model", "bytes.safetensors"],
      ] {
        try writeSmallModel(to: directory + "/bytes.safetensors", tokenizer: .bytes)
        let results = try ["text.txt", "marked.txt"].map {
          try Command(command + [$0], in: directory).finish()
        }
        #expect(results[0].status == 0 && results[1].status == 0, "\(results[1].errors)")
        #expect(results[0].output == results[1].output)
      }
      try write(mark + Array(#"{"width": 16}"#.utf8), to: directory + "/config.json")
      let configured = try Command(
        Command.train + ["text.txt", "--config", "config.json", "--print-config"], in: directory
      ).finish()
      #expect(configured.status == 0, "\(configured.errors)")
    }
  }

  @Test func textsInUTF16AreRefusedByName() throws {
    try withSmallFiles { directory in
      let text: [UInt8] = [0xFF, 0xFE] + "text,label\na,b".utf8.flatMap { [$0, 0] }
      let swapped: [UInt8] = [0xFE, 0xFF] + "{}".utf8.flatMap { [0, $0] }
      try write(text, to: directory + "/wide.txt")
      try write(swapped, to: directory + "/wide.json")
      let sentence = "is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8"
      for (arguments, name) in [
        (Command.train + ["wide.txt"], "wide.txt: the text"),
        (Command.evaluate + ["wide.txt"], "wide.txt: the text"),
        (Command.generate + ["--prompt-file", "wide.txt"], "in the prompt, the text"),
        (Command.train + ["wide.txt", "--task", "classify"], "wide.txt: the table"),
        (Command.train + ["wide.txt", "--task", "forecast"], "wide.txt: the table"),
        (Command.train + ["text.txt", "--config", "wide.json"], "wide.json: the text"),
      ] {
        try expectRefusal(arguments, in: directory, "\(name) \(sentence)")
      }
    }
  }

  // MARK: - Tables

  /// A table of two classes whose names differ in one byte that is not UTF-8.
  private let latin1Labels: [UInt8] =
    Array("text,label\n".utf8)
    + (0..<20).flatMap { row -> [UInt8] in
      Array("\(row.isMultiple(of: 2) ? "good" : "bad") \(row),caf".utf8)
        + [row.isMultiple(of: 2) ? 0xE9 : 0xE8, 0x0A]
    }

  @Test func tablesInLatin1NeedTheFlag() throws {
    try withTables { directory in
      try write(latin1Labels, to: directory + "/labels.csv")
      let utf8 = String(
        decoding: latin1Labels.flatMap { UTF8.encode(Unicode.Scalar($0))! }, as: UTF8.self)
      try write(Array(utf8.utf8), to: directory + "/utf8.csv")
      let train = ["train", "--task", "classify", "--steps", "2"] + smallFlags
      let sentence =
        "labels.csv: line 2: byte 0xE9 at offset 21 of the file is not UTF-8; --encoding latin1 reads "
        + "tables in Latin-1"
      try expectRefusal(train + ["labels.csv", "--output", "run"], in: directory, sentence)
      let trained = try Command(
        train + ["labels.csv", "--output", "a", "--encoding", "latin1"], in: directory
      ).finish()
      #expect(trained.status == 0, "\(trained.errors)")
      let same = try Command(train + ["utf8.csv", "--output", "b"], in: directory).finish()
      #expect(same.status == 0, "\(same.errors)")
      #expect(
        try AtomicFile.contents(of: directory + "/a/model.safetensors")
          == AtomicFile.contents(of: directory + "/b/model.safetensors"))
      #expect(try ClassifierModel(contentsOf: directory + "/a").labels == ["cafè", "café"])
      for command in ["evaluate", "predict"] {
        try expectRefusal([command, "--model", "a", "labels.csv"], in: directory, sentence)
        let read = try Command.run(
          command, "--model", "a", "labels.csv", "--encoding", "latin1", in: directory)
        let expected = try Command.run(command, "--model", "a", "utf8.csv", in: directory)
        #expect(read.status == 0 && read.output == expected.output, "\(read.errors)")
        try expectRefusal(
          [command, "--model", "a", "utf8.csv", "--encoding", "utf-16"], in: directory, status: 64,
          "The value 'utf-16' is invalid for '--encoding")
      }
      let resumed = try Command.run(
        "train", "labels.csv", "--output", "a", "--resume", "--steps", "3", "--encoding", "latin1",
        in: directory)
      #expect(resumed.status == 0, "\(resumed.errors)")
    }
  }

  @Test func seriesInLatin1NeedTheFlag() throws {
    try withTables { directory in
      let degrees = Array("temp \u{B0}C".unicodeScalars).map { UInt8($0.value) }
      let table = degrees + Array(("\n" + (0..<120).map { "\($0 % 7)\n" }.joined()).utf8)
      try write(table, to: directory + "/degrees.csv")
      let train = ["train", "degrees.csv", "--task", "forecast", "--output", "d", "--steps", "2"]
      try expectRefusal(
        train + smallFlags, in: directory, "degrees.csv: line 1: byte 0xB0 at offset 5 of the file")
      let flag = ["--encoding", "latin1"]
      let trained = try Command(train + smallFlags + flag, in: directory).finish()
      #expect(trained.status == 0, "\(trained.errors)")
      let forecast = try Command(["predict", "--model", "d", "degrees.csv"] + flag, in: directory)
        .finish()
      #expect(forecast.status == 0 && forecast.output.hasPrefix("temp \u{B0}C\n"))
      let evaluated = try Command(
        ["evaluate", "--model", "d", "degrees.csv"] + flag, in: directory
      )
      .finish()
      #expect(evaluated.status == 0, "\(evaluated.errors)")
      try write(mark + Array("a\n1\n".utf8), to: directory + "/marked.csv")
      try expectRefusal(
        ["train", "marked.csv", "--task", "forecast", "--output", "e"] + flag, in: directory,
        "marked.csv: the table is UTF-8, not Latin-1")
      try expectRefusal(
        ["train", "text.txt", "--output", "e"] + flag, in: directory, status: 64,
        "--encoding has no meaning for the task text")
    }
  }

  // MARK: - Arguments

  /// A shell that adds words with escapes of `printf` to the arguments of a command.
  private func shell(adding words: [String]) -> [String] {
    let added = words.map { "\"$(printf -- '\($0)')\"" }.joined(separator: " ")
    return ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(added)"]
  }

  /// A prompt has the bytes of the argument, not those of its repaired text.
  @Test func promptsAreBytes() throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/bytes.safetensors", tokenizer: .bytes)
      let generate = ["generate", "--model", "bytes.safetensors", "--tokens", "40"]
      let bytes: [UInt8] = [0x63, 0x61, 0x66, 0xE9, 0x80]
      try write(bytes, to: directory + "/prompt")
      try write(Array(String(decoding: bytes, as: UTF8.self).utf8), to: directory + "/repaired")
      let expected = try Command(generate + ["--prompt-file", "prompt"], in: directory).finish()
      let repaired = try Command(generate + ["--prompt-file", "repaired"], in: directory).finish()
      #expect(expected.status == 0 && expected.output != repaired.output)
      for words in [
        shell(adding: ["--prompt", "caf\\351\\200"]), shell(adding: ["--prompt=caf\\351\\200"]),
      ] {
        let found = try Command(generate, in: directory, wrapper: words).finish()
        #expect(found.status == 0 && found.output == expected.output, "\(found.errors)")
      }
      try expectRefusal(
        Command.generate, in: directory, wrapper: shell(adding: ["--prompt", "the\\351"]),
        "in the prompt, the text is not valid UTF-8 at byte 3")
    }
  }

  /// Inputs, outputs and the files of a resumed run have the names of the arguments, byte by byte,
  /// though the repaired text of a name is that of another file.
  @Test func namesOfFilesAreBytes() throws {
    try withSmallFiles { directory in
      try write(
        Array(smallText.utf8), to: directory + FileName.text(of: Array("/caf".utf8) + [0xE9]))
      try write(Array("none".utf8), to: directory + "/caf\u{FFFD}")
      func finish(_ arguments: [String], _ words: String...) throws -> Command.Result {
        try Command(arguments, in: directory, wrapper: shell(adding: words)).finish()
      }
      let expected = try Command(Command.evaluate + ["text.txt"], in: directory).finish()
      #expect(try finish(Command.evaluate, "caf\\351").output == expected.output)

      let train = ["train", "--steps", "2"] + smallFlags
      let whole = try Command(train + ["text.txt", "--output", "whole"], in: directory).finish()
      let trained = try finish(train, "caf\\351", "--output=run\\377")
      #expect(whole.status == 0 && trained.status == 0, "\(trained.errors)")
      let run = directory + FileName.text(of: Array("/run".utf8) + [0xFF])
      #expect(
        try AtomicFile.contents(of: run + "/model.safetensors")
          == AtomicFile.contents(of: directory + "/whole/model.safetensors"))
      let resumed = try finish(["train", "--resume", "--steps", "3"], "--output=run\\377")
      #expect(resumed.status == 0, "\(resumed.errors)")
      try expectRefusal(
        Command.evaluate, in: directory, wrapper: shell(adding: ["no\\351"]),
        "cannot open no\u{FFFD}")
    }
  }
}
