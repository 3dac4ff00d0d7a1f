import FoundationEssentials
import LMNKernels
import LMNLayers

/// Golden file: the parameters of a small model, inputs, and the results of another implementation.
struct GoldenFile {
  let path: String
  /// Configuration of the model, as JSON.
  let configuration: String
  private let content: Safetensors
  private static let gradientPrefix = "grad."

  init(_ path: String) throws {
    self.path = path
    content = try Safetensors(contentsOf: path)
    configuration = try content.metadata("config", path: path)
  }

  /// Value of the configuration's key `kind`, if it has one.
  var kind: String? {
    struct Kind: Decodable { let kind: String? }
    return try? JSONDecoder().decode(Kind.self, from: Data(configuration.utf8)).kind
  }

  /// Name of the model's task; nil in files of language models.
  var task: String? { content.metadata["task"] }

  /// The model file that the tensors which are neither data nor gradients make up.
  func model(besides data: [String]) throws -> ModelFile {
    let names = Set(parameterNames(besides: data))
    return try ModelFile(content, path: path) { names.contains($0) }
  }

  func unusable(_ problem: String) -> CheckpointError {
    .unusable(file: path, problem: problem)
  }

  func has(_ name: String) -> Bool { content.entries.contains { $0.name == name } }

  private func names(besides data: [String]) -> [String] {
    content.entries.map(\.name).filter { !data.contains($0) }
  }

  /// All tensors that are neither data nor gradients.
  func parameters(besides data: [String]) throws -> StateDictionary {
    try content.stateDictionary(of: parameterNames(besides: data))
  }

  private func parameterNames(besides data: [String]) -> [String] {
    names(besides: data).filter { !$0.hasPrefix(Self.gradientPrefix) }
  }

  /// The gradient of every parameter.
  ///
  /// - Parameters:
  ///   - parameters: The parameters, under the names of the file.
  ///   - data: Names of tensors that are neither parameters nor gradients.
  /// - Returns: Gradients in the order of the parameters.
  /// - Throws: ``CheckpointError`` or ``SafetensorsError`` for a missing, misshapen or extra gradient.
  func gradient(of parameters: StateDictionary, besides data: [String]) throws -> StateDictionary {
    let prefix = Self.gradientPrefix
    let gradient = try content.stateDictionary(of: parameters.names, prefix: prefix)
    do { try gradient.expect(sameNamesAndShapesAs: parameters) } catch {
      throw unusable("of the gradients, \(error)")
    }
    if let extra = names(besides: data).first(where: {
      $0.hasPrefix(prefix) && parameters[String($0.dropFirst(prefix.count))] == nil
    }) {
      throw unusable("'\(extra)' is a gradient without a parameter")
    }
    return gradient
  }

  /// Rows `[B][L]` of integers in a range.
  func tokens(_ name: String, in range: Range<Int>, outside problem: String) throws -> [[Token]] {
    let (shape, values) = try content.integers(name)
    guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
      throw unusable("'\(name)' has shape \(shape), expected [batch, length]")
    }
    if let token = values.first(where: { !range.contains($0) }) {
      throw unusable("'\(name)' holds token \(token), \(problem)")
    }
    return (0..<shape[0]).map { row in
      values[row * shape[1]..<(row + 1) * shape[1]].map { Token($0) }
    }
  }

  /// The inputs and targets of all rows, of the same shape.
  ///
  /// - Parameters:
  ///   - vocabularySize: Tokens have to be below it.
  ///   - hasNone: Whether a target may be −1, for no token.
  /// - Returns: `[B][L]` each.
  /// - Throws: ``CheckpointError`` or ``SafetensorsError`` for missing, misshapen or impossible tokens.
  func inputsAndTargets(
    vocabularySize: Int, hasNone: Bool = false
  ) throws -> (inputs: [[Token]], targets: [[Token]]) {
    let problem = "outside the vocabulary of \(vocabularySize)"
    let inputs = try tokens("input_ids", in: 0..<vocabularySize, outside: problem)
    let targets = try tokens(
      "targets", in: (hasNone ? -1 : 0)..<vocabularySize, outside: problem)
    guard targets.count == inputs.count, targets[0].count == inputs[0].count else {
      throw unusable(
        "'targets' are \(targets.count) rows of \(targets[0].count), "
          + "'input_ids' \(inputs.count) of \(inputs[0].count)")
    }
    return (inputs, targets)
  }

  /// Rows of numbers `[B][L, width]` of B series.
  ///
  /// - Parameters:
  ///   - name: Name of the tensor `[B, L, width]`.
  ///   - width: Numbers per row.
  /// - Returns: The numbers of each series, row by row.
  /// - Throws: ``CheckpointError`` or ``SafetensorsError`` for a missing or misshapen tensor.
  func series(_ name: String, width: Int) throws -> [[Double]] {
    let (shape, values) = try content.floats(name)
    guard shape.count == 3, shape[0] > 0, shape[1] > 0, shape[2] == width else {
      throw unusable("'\(name)' has shape \(shape), expected [batch, length, \(width)]")
    }
    if let value = values.first(where: { !$0.isFinite }) {
      throw unusable("'\(name)' holds \(value)")
    }
    let size = shape[1] * width
    return (0..<shape[0]).map { values[$0 * size..<($0 + 1) * size].map(Double.init) }
  }

  /// A tensor of the given shape.
  func tensor(_ name: String, shape expected: [Int]) throws -> Tensor {
    let (shape, values) = try content.floats(name)
    guard shape == expected else {
      throw unusable("'\(name)' has shape \(shape), expected \(expected)")
    }
    return Tensor(shape: shape, scalars: values)
  }
}
