import LMNKernels
public import LMNLayers
public import LMNModel

extension LogarithmicMemoryNetwork {
  /// A network of the given configuration and parameters under their published names.
  ///
  /// The parameters are counted before a network is made, so a configuration cannot ask for more
  /// memory than came with it.
  public init(
    _ configuration: Configuration, loading published: StateDictionary
  ) throws {
    try configuration.validate()
    let count = published.tensors.reduce(0) { $0 + $1.count }
    guard let expected = configuration.parameterCount, expected == count else {
      throw CheckpointError.mismatchedParameterCount(
        expected: configuration.parameterCount ?? 0, found: count)
    }
    var generator = SeededGenerator(seed: 0)
    try self.init(configuration, using: &generator)
    try load(published: published)
  }
}
