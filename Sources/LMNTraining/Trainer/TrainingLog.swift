import FoundationEssentials

/// Log of a run: a file with one JSON object per line.
struct TrainingLog: ~Copyable {
  private let lines: LineLog

  /// Opens the log at `path`, and removes lines after `step`, which a resumed run repeats.
  init(at path: String, after step: Int) throws {
    if FileManager.default.fileExists(atPath: path) {
      let text = String(decoding: try AtomicFile.contents(of: path), as: UTF8.self)
      let kept = text.split(separator: "\n").filter { line in
        let record = try? JSONDecoder().decode(TrainingRecord.self, from: Data(line.utf8))
        return record.map { $0.step <= step } ?? false
      }
      try AtomicFile.write(Array(kept.map { $0 + "\n" }.joined().utf8), to: path)
    } else {
      try AtomicFile.write([], to: path)
    }
    lines = try LineLog(appendingTo: path)
  }

  func append(_ record: TrainingRecord) throws { try lines.append(record) }
}
