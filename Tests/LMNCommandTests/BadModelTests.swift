import Foundation
import LMN
import LMNTestSupport
import Testing

/// Damaged or hostile models, states and runs, and those of another model or task.
@Suite struct BadModelTests {
  /// Expects all commands that read a model to refuse it.
  private func expectRefusals(
    ofModel model: String, in directory: String, _ sentence: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for arguments in [
      ["info", "--model", model], ["evaluate", "--model", model, "text.txt"],
      ["generate", "--model", model, "--prompt", "a"], ["verify", model],
    ] {
      try expectRefusal(arguments, in: directory, sentence, sourceLocation: sourceLocation)
    }
  }

  @Test func damagedModelsAreRefused() throws {
    try withSmallFiles { directory in
      let bytes = try AtomicFile.contents(of: directory + "/model.safetensors")
      let damages: [(change: (inout [UInt8]) -> Void, sentence: String)] = [
        ({ $0 = [] }, "0 bytes are too few for a safetensors file"),
        ({ $0.removeLast(100) }, "beyond the "),
        ({ $0 = Array($0[..<50]) }, "does not fit into a file of 50 bytes"),
        ({ $0.append(0) }, "the tensors end at offset "),
        ({ $0[7] = 0x7F }, "exceeds the limit of 100000000"),
        ({ $0[3] = 5 }, "does not fit into a file of "),
        ({ $0[8] = UInt8(ascii: "[") }, "the header has '[' at byte 8"),
        ({ $0 = Array(smallText.utf8) }, "it is a text, not safetensors"),
      ]
      for (change, sentence) in damages {
        var damaged = bytes
        change(&damaged)
        try AtomicFile.write(damaged, to: directory + "/damaged")
        try expectRefusals(ofModel: "damaged", in: directory, sentence)
        try expectRefusal(Command.generate + ["--load-state", "damaged"], in: directory, sentence)
      }
    }
  }

  /// Names with control characters or of great length, and sizes beyond the memory.
  @Test func hostileModelsAreRefused() throws {
    try withSmallFiles { directory in
      let path = directory + "/hostile"
      let model = try Safetensors(contentsOf: directory + "/model.safetensors")
      let configuration = try #require(model.metadata["config"])
      for (found, forged, sentence) in [
        ("\"width\":8", "\"width\":16777216", "the configuration needs "),
        ("\"layers\":2", "\"layers\":9223372036854775807", "layers is 9223372036854775807"),
        ("\"layers\":2", "\"layers\":1e400", "the configuration cannot be read"),
        ("{", #"{"\u001b[2J\nx":1,"#, "unknown keys in the configuration:  [2J x"),
      ] {
        var hostile = model
        hostile.metadata["config"] = configuration.replacingOccurrences(of: found, with: forged)
        #expect(hostile.metadata["config"] != configuration)
        try hostile.write(to: path)
        try expectRefusals(ofModel: "hostile", in: directory, sentence)
      }

      var hostile = model
      for number in 0..<3000 {
        hostile.append("\u{1B}]0;tensor\u{7}\n\(number)", shape: [0], floats: [])
      }
      try hostile.write(to: path)
      let before = try files(in: directory)
      let result = try Command.run("info", "--model", "hostile", in: directory)
      #expect(result.status == 2 && result.errors.utf8.count < 1100)
      #expect(result.errors.filter(\.isNewline).count == 1)
      #expect(!result.errors.unicodeScalars.contains("\u{1B}"))
      #expect(try files(in: directory) == before)
    }
  }

  @Test func checkpointsOfOtherModelsAreRefused() throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/other.safetensors", seed: 2)
      let saved = try Command(
        Command.generate + ["--prompt", "a", "--save-state", "state"], in: directory
      ).finish()
      #expect(saved.status == 0)
      try expectRefusal(
        ["generate", "--model", "other.safetensors", "--load-state", "state"], in: directory,
        "state: it is the state of another model")
      try expectRefusal(
        Command.generate + ["--load-state", "other.safetensors"], in: directory,
        "other.safetensors: it holds no state of a session")
      try expectRefusal(
        ["generate", "--model", "state", "--prompt", "a"], in: directory,
        "state: it has no 'format_version' in its metadata")

      let trained = try Command(Command.train + ["text.txt", "--steps", "2"], in: directory)
        .finish()
      #expect(trained.status == 0)
      try expectRefusal(
        ["info", "--model", "run/training.safetensors"], in: directory,
        "run/training.safetensors: the configuration needs ")
    }
  }

  /// A file of another format is named, with a way to convert it, in every place of a safetensors
  /// file.
  @Test(arguments: [
    (
      Array("PK\u{3}\u{4}\0\0\u{8}\u{8}".utf8),
      "it is a zip archive, as torch.save writes, not safetensors; convert it: python3 -c \"import sys, "
        + "torch; from safetensors.torch import save_file; "
    ),
    (
      [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46],
      "it is a Python pickle, not safetensors; conv"
    ),
    (Array("GGUF\u{3}\0\0\0".utf8), "it is GGUF, not safetensors"),
    (Array(#"{"width": 32}"#.utf8), "it is JSON, not safetensors"),
    (Array("{}".utf8), "it is JSON, not safetensors"),
    (Array("\u{FEFF}[1, 2, 3]".utf8), "it is JSON, not safetensors"),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "it is HDF5, not safetensors"),
    (
      [0x1F, 0x8B, 8, 8, 1, 2, 3, 4],
      "it is compressed by gzip, not safetensors; decompress it: gunzip"
    ),
    ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0], "it is compressed by gzip, not safetensors"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 4], "it is compressed by xz, not safetensors"),
    ([0x28, 0xB5, 0x2F, 0xFD, 4, 0, 1, 2], "it is compressed by zstd, not safetensors"),
    ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0], "it is a NumPy array, not safetensors"),
    (Array("version https://git-lfs".utf8), "it is a pointer of Git LFS, not safetensors"),
    (Array("<!DOCTYPE html>".utf8), "it is a web page, not safetensors"),
    (Array("the cat sat on".utf8), "it is a text, not safetensors"),
  ])
  func otherFormatsAreNamed(bytes: [UInt8], sentence: String) throws {
    try withSmallFiles { directory in
      // Long enough for a header of 559,903 bytes, which a gzip file without a time seems to have.
      let filler = bytes[0] == 0x1F ? 1 << 20 : 0
      try AtomicFile.write(
        bytes + [UInt8](repeating: 7, count: filler), to: directory + "/weights")
      for arguments in [
        ["info", "--model", "weights"], ["convert", "weights", "--output", "out"],
        ["verify", "weights"], Command.generate + ["--load-state", "weights"],
      ] {
        try expectRefusal(arguments, in: directory, "Error: weights: \(sentence)")
      }
    }
  }

  @Test func runsWithAnotherTextAreRefused() throws {
    try withSmallFiles { directory in
      let trained = try Command(Command.train + ["text.txt", "--steps", "2"], in: directory)
        .finish()
      #expect(trained.status == 0)
      let resume = ["train", "--output", "run", "--resume", "--steps", "4"]
      let another = "the run in run was begun with another text"
      try write(smallText + "the cat", to: directory + "/longer.txt")
      try expectRefusal(resume + ["longer.txt"], in: directory, another)
      try expectRefusal(resume + ["-"], in: directory, input: smallText + " ", another)
      // A model file is not a run.
      try FileManager.default.removeItem(atPath: directory + "/run/training.safetensors")
      try FileManager.default.copyItem(
        atPath: directory + "/model.safetensors", toPath: directory + "/run/training.safetensors")
      try expectRefusal(
        resume + ["text.txt"], in: directory,
        "run/training.safetensors: it has no 'loop' in its metadata")
    }
  }
}
