import FoundationEssentials

/// Log of a run: a file with one JSON object per line.
struct TrainingLog: ~Copyable {
  private let lines: LineLog
  /// Elapsed seconds in the last line that was kept; 0 without one.
  let seconds: Double

  /// Opens the log at `path`, and removes lines after `step`, which a resumed run repeats.
  init(at path: String, after step: Int) throws {
    var seconds = 0.0
    if FileIdentity(path) != nil {
      let text = String(decoding: try AtomicFile.contents(of: path), as: UTF8.self)
      let kept = text.split(separator: "\n").filter { line in
        let record = try? JSONDecoder().decode(TrainingRecord.self, from: Data(line.utf8))
        guard let record, record.step <= step else { return false }
        seconds = record.seconds ?? seconds
        return true
      }
      try AtomicFile.write(Array(kept.map { $0 + "\n" }.joined().utf8), to: path)
    } else {
      try AtomicFile.write([], to: path)
    }
    lines = try LineLog(appendingTo: path)
    self.seconds = seconds
  }

  func append(_ record: TrainingRecord) throws { try lines.append(record) }
}
