import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

/// Checksums of models, checkpoints and states: a flipped bit is refused.
@Suite struct ChecksumTests {
  /// The definition, bit by bit.
  private func remainder(of bytes: [UInt8]) -> String {
    var remainder = UInt32.max
    for byte in bytes {
      remainder ^= UInt32(byte)
      for _ in 0..<8 {
        let term: UInt32 = remainder & 1 == 1 ? 0xEDB8_8320 : 0
        remainder = remainder >> 1 ^ term
      }
    }
    let digits = String(~remainder, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  @Test func checksumsAreThoseOfZlib() {
    // The check value of the published parameters of CRC-32.
    #expect(CRC32("123456789".utf8).description == "cbf43926")
    #expect(CRC32([]).description == "00000000")
    let bytes = (0..<70).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
    for count in 0...64 {
      for begin in 0..<5 {
        let part = bytes[begin..<begin + count]
        #expect(CRC32(part).description == remainder(of: Array(part)), "\(begin) + \(count)")
      }
    }
  }

  private func sample() -> Safetensors {
    var sample = Safetensors(metadata: ["step": "500", "text": "é 😀 \"\\"])
    sample.append("weight", shape: [2, 3], floats: [1, -2.5, 8, 0, -0.0, .leastNonzeroMagnitude])
    sample.append("ids", shape: [3], integers: [0, -1, .max])
    sample.append("é/\u{301}", shape: [], floats: [0.25])
    return sample
  }

  @Test func everyFlippedBitIsRefused() throws {
    let bytes = sample().encoded()
    let dataBegin = bytes.count - 6 * 4 - 3 * 8 - 4
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << bit
        let error = #expect(throws: SafetensorsError.self, "bit \(bit) of byte \(index)") {
          try Safetensors(decoding: flipped, file: "file")
        }
        guard index >= dataBegin else { continue }
        let tensor =
          index < dataBegin + 24 ? "weight" : index < dataBegin + 48 ? "ids" : "é/\u{301}"
        #expect(
          error?.description.hasPrefix("file: tensor '\(tensor)' does not agree with its checksum")
            == true, "\(error?.description ?? "")")
      }
    }
  }

  /// The file with its header changed by `change`, of the same length.
  private func decoded(_ change: (String) -> String) throws -> Safetensors {
    let bytes = sample().encoded()
    let count = Int(bytes[0]) + Int(bytes[1]) << 8
    let header = String(decoding: bytes[8..<8 + count], as: UTF8.self)
    var changed = Array(change(header).utf8)
    #expect(changed != Array(header.utf8) && changed.count <= count)
    changed += repeatElement(UInt8(ascii: " "), count: count - changed.count)
    return try Safetensors(decoding: bytes[..<8] + changed + bytes[(8 + count)...])
  }

  private let all = /"lmn_crc32[^"]*":"[0-9a-f]{8}",?/

  @Test func filesWithoutChecksumsAreRead() throws {
    let file = try decoded { $0.replacing(all, with: "") }
    #expect(file.entries == sample().entries && file.metadata == sample().metadata)
  }

  /// Checksums of other programs are metadata like any other.
  @Test func otherChecksumsAreKept() throws {
    let file = try decoded {
      $0.replacing(all, with: "").replacing(
        #""step":"#, with: #""crc32":"?","lmn_crc":"1","step":"#)
    }
    #expect(file.metadata["crc32"] == "?" && file.metadata["lmn_crc"] == "1")
    #expect(try Safetensors(decoding: file.encoded()).metadata == file.metadata)
  }

  /// Written anew by another program, in another order, with the same metadata.
  @Test func theOrderOfTheHeaderIsFree() throws {
    let file = try decoded { header in
      let entry = #/"ids":\{[^}]*\},/#
      let found = header.firstMatch(of: entry)!.output
      return header.replacing(entry, with: "").replacing(/\}\s*$/, with: ",\(found.dropLast())}")
    }
    #expect(file.entries == sample().entries && file.metadata == sample().metadata)
  }

  @Test func checksumsAreCompleteOrNone() throws {
    for (part, sentence) in [
      (#/"lmn_crc32":"[0-9a-f]{8}",/#, "the header does not agree with its checksum"),
      (#/"lmn_crc32\.ids":"[0-9a-f]{8}",/#, "tensor 'ids' does not agree with its checksum"),
    ] {
      let error = #expect(throws: SafetensorsError.self) {
        try decoded { $0.replacing(part, with: "") }
      }
      #expect(error?.description.contains(sentence) == true)
    }
  }

  // MARK: - Files of runs and sessions

  /// Expects a file with any one bit flipped, at a place in every 64 bytes, to be refused by `read`.
  private func expectRefusals(
    of path: String, sourceLocation: SourceLocation = #_sourceLocation,
    reading read: () throws -> Void
  ) throws {
    try read()
    let bytes = try AtomicFile.contents(of: path)
    var generator = SeededGenerator(seed: 5)
    for begin in stride(from: 0, to: bytes.count, by: 64) {
      let index = min(begin + Int.random(in: 0..<64, using: &generator), bytes.count - 1)
      var flipped = bytes
      flipped[index] ^= 1 << Int.random(in: 0..<8, using: &generator)
      try AtomicFile.write(flipped, to: path)
      let error = #expect(
        throws: SafetensorsError.self, "byte \(index)", sourceLocation: sourceLocation,
        performing: read)
      #expect(
        error?.description.hasPrefix("\(path): ") == true, "\(error?.description ?? "")",
        sourceLocation: sourceLocation)
    }
    try AtomicFile.write(bytes, to: path)
    try read()
  }

  @Test func flippedBitsOfRunsAreRefused() throws {
    try withTemporaryDirectory { directory in
      var configuration = try TrainingConfiguration.small(steps: 2)
      configuration.carry = Carry(horizon: 1)
      var trainer = try trainer(configuration, in: directory)
      _ = try trainer.run()
      let run = RunDirectory(directory)
      for path in [run.model, run.best] {
        try expectRefusals(of: path) { _ = try AnyModel(contentsOf: path) }
      }
      try expectRefusals(of: run.training) {
        _ = try Trainer(resuming: run, text: smallText) { $0.steps += 2 }
      }
    }
  }

  @Test func flippedBitsOfStatesAreRefused() throws {
    let model = try LanguageModel.small(.bytes)
    try withTemporaryDirectory { directory in
      var generation = Generation(model, seed: 1)
      try generation.read(Array("the cat sat".utf8))
      try generation.save(to: directory + "/state")
      try expectRefusals(of: directory + "/state") {
        _ = try Generation(restoring: directory + "/state", of: model, sampler: Sampler())
      }
    }
  }
}
