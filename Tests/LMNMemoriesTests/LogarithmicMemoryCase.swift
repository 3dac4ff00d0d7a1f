import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

/// A logarithmic memory as a test case.
struct LogarithmicMemoryCase: Sendable, CustomTestStringConvertible {
  var summarizer: SummarizerKind
  var width, heads: Int
  var shape: TreeShape
  var hasLevelBias = false
  var hasWindowBias = false
  var pins = 0
  let seed: UInt64

  init(
    summarizer: SummarizerKind, width: Int, heads: Int, shape: TreeShape,
    hasLevelBias: Bool = false, hasWindowBias: Bool = false, pins: Int = 0, seed: UInt64
  ) {
    self.summarizer = summarizer
    self.width = width
    self.heads = heads
    self.shape = shape
    self.hasLevelBias = hasLevelBias
    self.hasWindowBias = hasWindowBias
    self.pins = pins
    self.seed = seed
  }

  /// A case with a published tree.
  init(summarizer: SummarizerKind, width: Int, heads: Int, banks: Int, seed: UInt64) {
    self.init(
      summarizer: summarizer, width: width, heads: heads, shape: TreeShape(banks: banks), seed: seed
    )
  }

  /// Published trees with all summarizers, and all other options.
  static let all: [LogarithmicMemoryCase] =
    SummarizerKind.allCases.flatMap { kind in
      [
        LogarithmicMemoryCase(summarizer: kind, width: 8, heads: 2, banks: 1, seed: 1),
        LogarithmicMemoryCase(summarizer: kind, width: 12, heads: 3, banks: 2, seed: 2),
        LogarithmicMemoryCase(summarizer: kind, width: 7, heads: 7, banks: 3, seed: 3),
        LogarithmicMemoryCase(summarizer: kind, width: 16, heads: 1, banks: 2, seed: 4),
      ]
    } + family

  /// All combinations of arity, expansion, highest level with biases, window with and without
  /// biases, disjoint nodes and pinned tokens, with one to four heads.
  static let family: [LogarithmicMemoryCase] =
    combinations(10, of: kinds, [1, 2, 4]).enumerated()
    .map { index, combination in
      let (kind, heads) = combination
      return LogarithmicMemoryCase(
        summarizer: kind.0, width: 8, heads: heads, shape: kind.1, hasLevelBias: kind.2,
        pins: kind.3, seed: UInt64(10 + index))
    }
    + [(1, 0), (1, 3), (2, 0), (2, 3), (5, 0), (5, 3)].enumerated().map { index, sizes in
      let (window, pins) = sizes
      return LogarithmicMemoryCase(
        summarizer: .linear, width: 8, heads: [1, 2, 4][index % 3],
        shape: TreeShape(banks: 2, maximumLevels: 3, window: window),
        hasLevelBias: pins > 0, hasWindowBias: true, pins: pins, seed: UInt64(40 + index))
    }

  private static let kinds: [(SummarizerKind, TreeShape, Bool, Int)] = [
    (.linear, TreeShape(banks: 2, arity: 3), false, 0),
    (.convFull, TreeShape(banks: 2, arity: 4, expansion: 1), false, 0),
    (.depthwiseSeparable, TreeShape(banks: 1, expansion: 2, maximumLevels: 3), true, 0),
    (.linear, TreeShape(banks: 2, window: 5), false, 0),
    (.convGrouped, TreeShape(banks: 2, visibility: .disjoint), false, 0),
    (.linear, TreeShape(banks: 1, arity: 3, visibility: .disjoint), false, 0),
    (.linear, TreeShape(banks: 2), false, 3),
    (
      .depthwiseSeparable,
      TreeShape(
        banks: 2, arity: 8, expansion: 1, maximumLevels: 2, window: 2, visibility: .disjoint),
      true, 2
    ),
  ]

  /// Random combinations, each with its own seed; `LMN_TEST_SEED` changes them.
  static let sampled: [LogarithmicMemoryCase] = {
    let base = ProcessInfo.processInfo.environment["LMN_TEST_SEED"].flatMap(UInt64.init) ?? 1000
    return (0..<24).map { sample(seed: base + $0) }
  }()

  private static func sample(seed: UInt64) -> LogarithmicMemoryCase {
    var values = SeededValues(seed: seed)
    func one<Value>(of choices: [Value]) -> Value {
      choices[Int(values.next() % UInt64(choices.count))]
    }
    let (heads, size) = (one(of: [1, 2, 3, 4]), one(of: [1, 2, 3]))
    let highest = one(of: [1, 2, 3, TreeShape.mostLevels])
    var example = LogarithmicMemoryCase(
      summarizer: one(of: SummarizerKind.allCases), width: heads * size + (size == 1 ? heads : 0),
      heads: heads,
      shape: TreeShape(
        banks: one(of: [1, 2, 3]), arity: one(of: [2, 3, 4, 8]), expansion: one(of: [0, 0, 1, 2]),
        maximumLevels: highest, window: one(of: [0, 0, 1, 4, 9]),
        visibility: one(of: TreeShape.Visibility.allCases)),
      hasLevelBias: one(of: [false, true]), pins: one(of: [0, 0, 1, 4]), seed: seed)
    example.hasWindowBias = example.shape.window > 0 && one(of: [false, true])
    return example
  }

  private var settings: LogarithmicMemory.Settings {
    var settings = LogarithmicMemory.Settings()
    (settings.heads, settings.summarizer) = (heads, summarizer)
    (settings.banks, settings.arity, settings.expand) = (shape.banks, shape.arity, shape.expansion)
    (settings.window, settings.visibility) = (shape.window, shape.visibility)
    if shape.maximumLevels < TreeShape.mostLevels || hasLevelBias {
      settings.maximumLevels = shape.maximumLevels
    }
    (settings.levelBias, settings.windowBias) = (hasLevelBias, hasWindowBias)
    settings.pinned = pins
    return settings
  }

  /// The memory with random parameters, including biases, at a scale that keeps the magnitude of
  /// the children.
  var memory: LogarithmicMemory {
    var source = ParameterSource(seed: seed, initialisation: .normal)
    var memory = LogarithmicMemory(width: width, settings, using: &source)
    var values = SeededValues(seed: seed)
    let sources = summarizer == .convFull ? shape.banks : 1
    memory.forEachParameter { name, parameter in
      let scale: Float =
        if name.hasSuffix("taps") {
          1 / Float(shape.arity).squareRoot()
        } else if name.hasPrefix("pinning") || name.hasSuffix("_bias") {
          1
        } else {
          1 / Float(shape.arity * sources * width).squareRoot()
        }
      parameter = Variable(
        constant: .random(parameter.value.shape, using: &values).scaled(by: scale))
    }
    return memory
  }

  var testDescription: String {
    "\(summarizer) \(width)/\(heads), \(shape), level bias \(hasLevelBias), "
      + "window bias \(hasWindowBias), \(pins) pins, seed \(seed)"
  }

  /// Error bound for outputs, relative to the largest one: `sums` consecutive sums, each rounded
  /// once by the reference and up to once per term by other instruction sets; terms are up to twice
  /// as large as their sum.
  func tolerance(sums: Int, on instructionSet: InstructionSet) -> Double {
    let terms = shape.arity * (summarizer == .convFull ? shape.banks : 1) * width + 1
    return 2 * Rounding.error(sums * (instructionSet == .reference ? 1 : terms))
  }

  func checks(on instructionSet: InstructionSet) -> MemoryChecks {
    let definition = PlainLogarithmicMemory(memory)
    // Nodes, projections and scores of tokens have the same bits in both forms; errors remain in
    // attention, which includes window and pinned tokens, and output.
    let sums = 2 + (shape.window > 0 ? 1 : 0) + (pins > 0 ? 1 : 0)
    return MemoryChecks(
      memory: memory, width: width, tolerance: tolerance(sums: sums, on: instructionSet),
      seed: seed, chunk: shape.arity * shape.arity,
      remembers: { definition.sees(position: $1, token: $0) })
  }
}
