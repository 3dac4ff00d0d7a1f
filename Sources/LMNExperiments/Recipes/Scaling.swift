import LMNCharts
import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Time and memory by length of the text, for every memory.
///
/// A cell is a memory, a work and a length, in a process of its own, so that its peak memory is that
/// of the work alone.
package struct Scaling: Recipe {
  package static let name = "scaling"
  package static let summary = "Time and memory by length of the text, for every memory."

  private let form: RecipeForm

  package init(_ form: RecipeForm, text: RecipeText?) { self.form = form }

  /// Work that is measured.
  fileprivate enum Work: String, CaseIterable, Encodable {
    /// Reading a text in parallel form.
    case prefill
    /// Training step on a text, at once.
    case training
    /// The same by memory replay, in blocks.
    case replay
    /// Decode step of a stream after a text.
    case decoding

    var title: String {
      switch self {
      case .prefill: "Reading a text in parallel form"
      case .training: "Training step on one text, at once"
      case .replay: "Training step on one text, by memory replay"
      case .decoding: "Decode step after a text"
      }
    }
  }

  fileprivate struct Setting: Encodable {
    let model: Configuration
    let work: Work
    let length: Int
    var block = Scaling.block
    var iterations: Int
  }

  /// Tokens of a block of memory replay.
  private static let block = 1024
  /// Most tokens of works whose time grows with the square of the length.
  private static let mostQuadratic = 65_536
  /// Most tokens of a training step at once, whose memory grows with the length.
  private static let mostAtOnce = 262_144
  /// Shortest length that counts for the exponents.
  private static let shortestFitted = 4096.0

  private var lengths: [Int] {
    (form(full: [4, 5, 6, 7, 8, 9, 10], quick: [4, 5, 6, 7])).map { 1 << (2 * $0) }
  }

  private var networks: [RecipeNetwork] { RecipeNetwork.kinds }

  package var cells: [Cell] {
    networks.flatMap { network in
      Work.allCases.flatMap { work in
        lengths.filter { isMeasured(work, of: network, at: $0) }.map { length in
          let setting = Setting(
            model: network.model, work: work, length: length,
            iterations: form(full: 5, quick: 3))
          return Cell(
            [.init("memory", network.name), .init("work", work.rawValue), .init("length", length)],
            setting, cost: 20_000 + Double(length) * (work == .decoding ? 0.1 : 1),
            needsOwnProcess: true
          ) { _ in try setting.measurements() }
        }
      }
    }
  }

  private func isMeasured(_ work: Work, of network: RecipeNetwork, at length: Int) -> Bool {
    let isQuadratic = network.name == "attention" && work != .decoding
    if isQuadratic && length > Self.mostQuadratic { return false }
    return switch work {
    case .training: length <= Self.mostAtOnce
    case .replay: length >= Self.block
    case .prefill, .decoding: true
    }
  }

  package func report(on results: Results) -> Report {
    var parts: [Report.Part] = [
      .paragraph(
        "The network of the published Table 1 (4 layers of width 32, vocabulary 65) with each memory, "
          + "one text. Times are medians. Peak memory is that of a process of its own, above what it "
          + "had before the work. Attention without a window is read and trained on up to "
          + "\(Self.mostQuadratic) tokens, since its time grows with the square of the length; a "
          + "training step at once has up to \(Self.mostAtOnce) tokens, since its memory grows with "
          + "the length. Memory replay has blocks of \(Self.block) tokens. A decode step is a mean "
          + "over 64 tokens.")
    ]
    parts += exponents(in: results)
    parts += Claim.section("Claims of the papers", claims(results), in: form)
    for work in Work.allCases {
      parts.append(.heading(work.title))
      parts.append(chart(work, Quantity.time, unit: "s", in: results))
      parts.append(chart(work, Quantity.peakMemory, unit: "MiB", in: results))
      parts.append(table(of: work, in: results))
    }
    parts.append(.heading("State of a stream"))
    parts.append(chart(.decoding, Quantity.state, unit: "kB", in: results))
    return Report("Time and memory by length", parts)
  }

  fileprivate enum Quantity {
    static let time = "time (s)"
    static let peakMemory = "peak memory (MiB)"
    static let state = "state (kB)"
  }

  private func points(
    _ quantity: String, _ work: Work, of memory: String, in results: Results
  ) -> [(length: Double, value: Double)] {
    lengths.compactMap { length in
      results.summary(
        quantity, where: ["memory": memory, "work": work.rawValue, "length": "\(length)"]
      ).map { (Double(length), $0.mean) }
    }
  }

  private func chart(
    _ work: Work, _ quantity: String, unit: String, in results: Results
  ) -> Report.Part {
    let noun = quantity.prefix { $0 != "(" }.dropLast()
    let chart = LineChart(
      quantity == Quantity.state ? "State of a stream" : "\(work.title): \(noun)",
      x: Axis("length", unit: "tokens", scale: .logarithmic),
      y: Axis(String(noun), unit: unit, scale: .logarithmic),
      series: networks.map { network in
        .init(
          network.name,
          points(quantity, work, of: network.name, in: results).map { .init($0.length, $0.value) })
      })
    return .chart(chart, name: "\(work.rawValue)-\(noun.replacing(" ", with: "-"))")
  }

  private func table(of work: Work, in results: Results) -> Report.Part {
    .table(
      ReportTable(
        ["memory"] + lengths.map { "\($0)" },
        networks.map { network in
          [network.name]
            + lengths.map { length in
              let labels = [
                "memory": network.name, "work": work.rawValue, "length": "\(length)",
              ]
              guard let time = results.summary(Quantity.time, where: labels),
                let memory = results.summary(Quantity.peakMemory, where: labels)
              else { return "–" }
              return "\(time.mean.duration), \(memory.mean.short) MiB"
            }
        }))
  }

  /// Slope in a log-log chart, from the shortest length on that counts.
  private func exponent(
    _ quantity: String, _ work: Work, _ memory: String, _ results: Results
  ) -> Double? {
    let points = points(quantity, work, of: memory, in: results)
    let long = points.filter { $0.length >= Self.shortestFitted }
    return Self.slope(long.map { (log($0.length), log($0.value)) })
  }

  private func exponents(in results: Results) -> [Report.Part] {
    let columns: [(name: String, quantity: String, work: Work)] =
      Work.allCases.map { ("time of \($0.rawValue)", Quantity.time, $0) } + [
        ("memory of prefill", Quantity.peakMemory, .prefill),
        ("memory of training", Quantity.peakMemory, .training),
        ("memory of replay", Quantity.peakMemory, .replay),
        ("state", Quantity.state, .decoding),
      ]
    return [
      .heading("Exponents"),
      .paragraph(
        "Exponents p of a growth as lengthᵖ, fitted by least squares to the logarithms, from "
          + "\(Int(Self.shortestFitted)) tokens on."),
      .table(
        ReportTable(
          ["memory"] + columns.map(\.name),
          networks.map { network in
            [network.name]
              + columns.map { column in
                exponent(column.quantity, column.work, network.name, results)?.decimals(2) ?? "–"
              }
          })),
    ]
  }

  private func claims(_ results: Results) -> [Claim] {
    func claim(
      _ published: String, _ memory: String, _ quantity: String, _ work: Work, atMost limit: Double
    ) -> Claim {
      let found = exponent(quantity, work, memory, results)
      return Claim(
        published, measured: found.map { "exponent \($0.decimals(2))" },
        holds: (found ?? 9) <= limit)
    }
    return [
      claim(
        "LMN (arXiv 2501.07905): the state grows with the logarithm of the length", "logarithmic",
        Quantity.state, .decoding, atMost: 0.15),
      claim(
        "LMN: the time of a sequential step grows with the logarithm at most", "logarithmic",
        Quantity.time, .decoding, atMost: 0.15),
      claim(
        "LMN: parallel training takes O(n log n) time", "logarithmic", Quantity.time, .training,
        atMost: 1.2),
      claim(
        "MoM (arXiv 2502.13685): training takes linear time", "mixtureOfMemories", Quantity.time,
        .training, atMost: 1.1),
      claim(
        "MoM: the time of a step does not depend on the length", "mixtureOfMemories",
        Quantity.time, .decoding, atMost: 0.05),
      claim(
        "Memformer (arXiv 2010.06891): the memory of inference does not depend on the length",
        "slots", Quantity.state, .decoding, atMost: 0.05),
      claim(
        "Memformer: memory replay needs little more than one segment", "slots",
        Quantity.peakMemory, .replay, atMost: 0.2),
    ]
  }

  /// Slope of the least-squares line through points; nil with fewer than two different ones.
  static func slope(_ points: [(x: Double, y: Double)]) -> Double? {
    let count = Double(points.count)
    let (x, y) = points.reduce((0, 0)) { ($0.0 + $1.x / count, $0.1 + $1.y / count) }
    let variance = points.reduce(0) { $0 + ($1.x - x) * ($1.x - x) }
    guard variance > 0 else { return nil }
    return points.reduce(0) { $0 + ($1.x - x) * ($1.y - y) } / variance
  }
}

extension Scaling.Setting {
  fileprivate func measurements() throws -> [MeasuredValue] {
    var generator = SeededGenerator(seed: 1)
    let network = try generator.drawing { try LanguageNetwork(model, using: &$0) }
    let before = peakMemoryBytes()
    let workload = workload(of: network)
    let timing = Timing(iterations: iterations, within: 6, of: workload.run)
    let steps = work == .decoding ? Workload.stepsOfDecoding : 1
    return [
      MeasuredValue(Scaling.Quantity.time, timing.median / Double(steps)),
      MeasuredValue(Scaling.Quantity.peakMemory, Double(peakMemoryBytes() - before) / 1_048_576),
      MeasuredValue(Scaling.Quantity.state, Double(network.stateByteCount(at: length)) / 1000),
    ].compactMap(\.self)
  }

  private func workload(of network: LanguageNetwork) -> Workload {
    switch work {
    case .prefill: .reading(by: network, length: length)
    case .training: .trainingStep(of: network, batch: 1, length: length)
    case .replay:
      .trainingStep(
        of: network, batch: 1, length: block,
        carrying: Carry(horizon: length / block, replay: true))
    case .decoding: .decoding(by: network, streams: 1, positions: length..<length + 4096)
    }
  }
}

extension Double {
  /// A duration in a unit that keeps the number short.
  var duration: String {
    self < 1e-3 ? "\((self * 1e6).short) µs" : self < 1 ? "\((self * 1e3).short) ms" : "\(short) s"
  }
}
