import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

extension LanguageNetwork {
  /// A small network whose output depends on distant memory.
  static func small(
    _ summarizer: SummarizerKind = .linear, layers: Int = 2, option: NetworkOption? = nil,
    seed: UInt64 = 1
  ) throws -> LanguageNetwork {
    var configuration = Configuration.small(vocabularySize: 11, layers: layers, option: option)
    configuration.logarithmic.summarizer = summarizer
    var source = ParameterSource(seed: seed, initialisation: .normal)
    return try LanguageNetwork(configuration, using: &source)
  }
}

extension LanguageNetwork {
  /// Expects texts of these lengths to have the same logits in parallel form, in sequential form,
  /// and in a mix of growing chunks and single tokens.
  func expectFormsAgree(on instructionSet: InstructionSet, lengths: [Int]) {
    let tolerance = tolerance(on: instructionSet)
    computing(on: instructionSet) {
      for length in lengths {
        let input = tokens(length, seed: UInt64(length))
        let expected = self(input).value.scalars

        var states = [initialState]
        let stepped = input.flatMap { step([$0], after: &states).scalars }
        expectNear(stepped, expected, tolerance: tolerance, "\(length) steps")

        var (state, mixed, rest, size) = (initialState, [Float](), input[...], 1)
        while !rest.isEmpty {
          mixed += self(TokenBuffer(rest.prefix(size)), after: &state).value.scalars
          rest = rest.dropFirst(size)
          if let next = rest.popFirst() {
            var states = [state]
            mixed += step([next], after: &states).scalars
            state = states[0]
          }
          size += 3
        }
        expectNear(mixed, expected, tolerance: tolerance, "\(length) in chunks and steps")
      }
    }
  }
}

extension ClassifierNetwork {
  /// A small classifier with the same vocabulary; its table of n-grams is not zero.
  static func small(
    _ pooling: Pooling, layers: Int = 2, option: NetworkOption? = nil,
    nGrams: NGrams.Settings? = nil, seed: UInt64 = 1
  ) throws -> ClassifierNetwork {
    var source = ParameterSource(seed: seed, initialisation: .normal)
    var network = try ClassifierNetwork(
      .small(vocabularySize: 11, layers: layers, option: option), classes: 3, pooling: pooling,
      nGrams: nGrams, using: &source)
    network.nGrams?.bag.table = source.parameter(
      [nGrams?.buckets ?? 0, 3], .normal(deviation: 0.3))
    return network
  }
}

extension ForecasterNetwork {
  /// A small forecaster of two channels with different scales; with lags it has a linear map and a
  /// head that are not zero.
  static func small(
    horizon: Int = 3, lags: Int = 0, normalisation: NormalisationKind = .global,
    covariates: Int = 0, layers: Int = 2, option: NetworkOption? = nil, seed: UInt64 = 1
  ) throws -> ForecasterNetwork {
    var source = ParameterSource(seed: seed, initialisation: .normal)
    var settings = Settings()
    (settings.horizon, settings.lags) = (horizon, lags)
    (settings.normalisation, settings.covariates) = (normalisation, covariates)
    let ones = [Double](repeating: 1, count: covariates)
    var network = try ForecasterNetwork(
      .small(vocabularySize: 2, layers: layers, option: option), settings,
      normalisation: #require(
        Normalisation(mean: [100, -3] + ones, deviation: [20, 0.5] + ones)),
      units: lags == 0 ? nil : .init(inputs: [0.7, 1.5], outputs: [0.9, 0.4]), using: &source)
    if lags > 0 {
      network.head = Linear(
        inputs: network.configuration.width, outputs: network.outputWidth, using: &source)
      network.lags = Linear(
        inputs: network.frame.inputWidth, outputs: network.outputWidth, using: &source)
    }
    return network
  }
}

extension LanguageNetwork {
  /// The loss of the next tokens of a stream.
  func loss(
    of tokens: TokenBuffer, targets: TokenBuffer, after state: inout Trunk.State,
    dropping draw: DropoutDraw? = nil
  ) -> Variable {
    var pass = trunk.pass(after: state.position, length: tokens.count, dropping: draw)
    return loss(of: tokens, targets: targets, after: &state, &pass)
  }
}

extension ClassifierNetwork {
  /// The loss of a sequence from its beginning.
  func loss(of window: LabelledWindow) -> Variable {
    var (state, pass) = (initialState, trunk.pass(after: 0, length: window.length))
    return loss(of: window, after: &state, &pass)
  }
}

extension ForecasterNetwork {
  /// The loss of a window from its beginning.
  func loss(_ kind: PredictionError, of window: SeriesWindow) -> Variable {
    var (state, pass) = (initialState, trunk.pass(after: 0, length: window.length))
    return loss(kind, of: window, after: &state, &pass)
  }
}

extension Configuration {
  static func small(
    vocabularySize: Int, layers: Int, option: NetworkOption? = nil
  ) -> Configuration {
    var configuration = Configuration(vocabularySize: vocabularySize)
    (configuration.width, configuration.logarithmic.heads, configuration.layers) = (8, 2, layers)
    (configuration.logarithmic.banks, configuration.feedForward) = (3, 2)
    option?.apply(&configuration)
    return configuration
  }
}

extension Network {
  /// Error bound for logits, relative to the largest.
  ///
  /// Both forms compute the same nodes and projections; the errors are those of attention, output,
  /// norm and two maps per block, and of the final norm and head. A sum is rounded once by the
  /// reference and up to 2E times by others; a norm may double the error, once per block.
  func tolerance(on instructionSet: InstructionSet) -> Double {
    let layers = configuration.layers
    let roundings = instructionSet == .reference ? 1 : 2 * configuration.width
    return Double(1 << layers) * Rounding.error((5 * layers + 2) * roundings)
  }
}

/// `count` tokens of the small networks' vocabulary.
func tokens(_ count: Int, seed: UInt64) -> [Token] {
  var values = SeededValues(seed: seed)
  return values.integers(count, below: 11)
}

/// Expects logits within a tolerance relative to the largest expected one.
func expectNear(
  _ found: [Float], _ expected: [Float], tolerance: Double, _ label: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let largest = expected.reduce(0) { max($0, Double(abs($1))) }
  expectClose(
    found, expected, within: expected.map { _ in tolerance * largest }, label,
    sourceLocation: sourceLocation)
}
