import Foundation
import LMN
import LMNTestSupport
import Testing

/// Files that version 0.1 wrote: they load, and give the same bits on the reference instruction set.
///
/// `Tests/Goldens/version-0.1` holds text.txt (six times the two lines of `smallText`),
/// words.csv and series.csv, and what these commands wrote, with `LMN_ISA=reference` and one thread.
/// All models were trained with
/// ```
/// lmn train FILE --output RUN --steps 8 --width 8 --heads 2 --layers 2 --feed-forward 2
///   --block-length 16 --batch-size 3 --evaluation-batches 1 --schedule constant
///   --learning-rate 0.02 --initialisation normal …
/// ```
/// and `RUN/model.safetensors` was kept as
/// - linear: text.txt, no more flags;
/// - options: text.txt `--summarizer depthwiseSeparable --arity 4 --visibility disjoint --window 1
///   --pinned 2 --level-bias --maximum-levels 3 --positions learned --maximum-length 360
///   --tied-head --dropout 0.1`;
/// - expanded: text.txt `--summarizer convFull --expand 1`;
/// - mean and max: words.csv `--task classify --pooling mean` and `max`;
/// - forecaster: series.csv `--task forecast --channels temp,load --horizon 3`.
///
/// The other files of a MODEL are the standard output, or the saved state, of
/// ```
/// lmn evaluate --model MODEL.safetensors FILE --json [--block-length 16]  # MODEL.evaluation.json
/// lmn generate --model MODEL.safetensors --prompt 'the cat' --tokens 30
///   --save-state MODEL.state                                              # MODEL.text
/// lmn generate --model MODEL.safetensors --load-state MODEL.state --tokens 50
///   --save-state MODEL.continued.state                                    # MODEL.continued.text
/// lmn predict --model MODEL.safetensors FILE                              # MODEL.predictions.csv
/// ```
/// The runs plain and carried (`--carry --flow 2 --window 1 --pinned 2`; --flow is --horizon now) have the flags above and
/// `--schedule cosine --warm-up 3 --dropout 0.1 --steps 12 --log-every 4 --save-every 5
/// --evaluate-every 6 --evaluation-batches 1000000`. They were killed in the evaluation at step 6,
/// so their checkpoint is that of step 5. RUN.resumed is a copy of RUN after
/// `lmn train text.txt --resume --output RUN --evaluation-batches 2`.
///
/// Elsewhere than on x86-64 with glibc, exponentials and logarithms may be rounded in another way.
@Suite(.enabled(if: isReferencePlatform)) struct PreviousVersionTests {
  private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Goldens/version-0.1").standardized.path

  /// Standard output of `lmn` in the directory.
  private func output(_ arguments: [String]) throws -> String {
    let result = try Command(
      arguments, in: Self.directory, environment: ["LMN_ISA": "reference"]
    ).finish()
    #expect(result.status == 0, "\(result.errors)")
    return result.output
  }

  private func golden(_ name: String) throws -> String {
    String(decoding: try AtomicFile.contents(of: "\(Self.directory)/\(name)"), as: UTF8.self)
  }

  /// The numbers of a JSON report, by path; a later version may report more of them.
  private func numbers(in report: String) throws -> [String: Double] {
    func numbers(_ value: Any, _ path: String) -> [String: Double] {
      guard let object = value as? [String: Any] else { return [path: value as? Double ?? .nan] }
      return object.reduce(into: [:]) { found, entry in
        found.merge(numbers(entry.value, "\(path)/\(entry.key)")) { $1 }
      }
    }
    return numbers(try JSONSerialization.jsonObject(with: Data(report.utf8)), "")
  }

  @Test(arguments: [
    ("linear", "text.txt"), ("options", "text.txt"), ("expanded", "text.txt"),
    ("mean", "words.csv"), ("max", "words.csv"), ("forecaster", "series.csv"),
  ])
  func modelsHaveTheSameLosses(model: String, file: String) throws {
    let blocks = file == "words.csv" ? [] : ["--block-length", "16"]
    let found = try numbers(
      in: output(["evaluate", "--model", "\(model).safetensors", file, "--json"] + blocks))
    for (path, number) in try numbers(in: golden("\(model).evaluation.json")) {
      #expect(found[path] == number, "\(path)")
    }
  }

  @Test(arguments: [("mean", "words.csv"), ("max", "words.csv"), ("forecaster", "series.csv")])
  func modelsPredictTheSame(model: String, file: String) throws {
    #expect(
      try output(["predict", "--model", "\(model).safetensors", file])
        == golden("\(model).predictions.csv"))
  }

  /// From the prompt, and from the state saved after it: the same text, and the same bits of the
  /// logits.
  @Test(arguments: ["linear", "options", "expanded"])
  func sessionsWriteTheSame(model: String) throws {
    try withTemporaryDirectory { directory in
      func logits(_ path: String) throws -> [UInt32] {
        let file = try Safetensors(contentsOf: path)
        return try file.stateDictionary(of: ["logits"]).tensors[0].scalars.map(\.bitPattern)
      }
      func expectSame(_ name: String, _ flags: [String], state: String) throws {
        let found = "\(directory)/\(state)"
        let text = try output(
          ["generate", "--model", "\(model).safetensors", "--save-state", found] + flags)
        #expect(text == (try golden(name)))
        #expect(try logits(found) == logits("\(Self.directory)/\(state)"))
      }
      try expectSame(
        "\(model).text", ["--prompt", "the cat", "--tokens", "30"], state: "\(model).state")
      try expectSame(
        "\(model).continued.text", ["--load-state", "\(model).state", "--tokens", "50"],
        state: "\(model).continued.state")
    }
  }

  @Test(arguments: ["plain", "carried"])
  func runsGoOnExactly(run: String) throws {
    try withTemporaryDirectory { directory in
      let (old, new) = ("\(Self.directory)/\(run).resumed", "\(directory)/\(run)")
      try FileManager.default.copyItem(atPath: "\(Self.directory)/\(run)", toPath: new)
      _ = try output(
        ["train", "text.txt", "--resume", "--output", new, "--evaluation-batches", "2"])
      /// Without measured times.
      func log(_ directory: String) throws -> [TrainingRecord] {
        try AtomicFile.contents(of: "\(directory)/log.jsonl").split(separator: UInt8(ascii: "\n"))
          .map { line in
            var record = try JSONDecoder().decode(TrainingRecord.self, from: Data(line))
            (record.tokensPerSecond, record.peakMemoryBytes, record.seconds) = (nil, nil, nil)
            return record
          }
      }
      let expected = try log(old)
      #expect(try log(new) == expected && expected.map(\.step) == [4, 6, 8, 12])
      // The new file has our names and layout, the old one the published ones.
      func bits(_ directory: String) throws -> [[UInt32]] {
        try LanguageModel(contentsOf: directory).network.stateDictionary.tensors.map {
          $0.scalars.map(\.bitPattern)
        }
      }
      #expect(try bits(new) == bits(old))
    }
  }
}

/// Whether this platform rounds exponentials like the one that wrote the files.
private var isReferencePlatform: Bool {
  #if arch(x86_64) && canImport(Glibc)
    true
  #else
    false
  #endif
}
