import LMNKernels
public import LMNLayers

extension Safetensors {
  /// The float32 tensors of `names`, in that order, stored under names with `prefix`.
  public func stateDictionary(
    of names: [String], prefix: String = ""
  ) throws(SafetensorsError) -> StateDictionary {
    var pairs: [(name: String, tensor: Tensor)] = []
    for name in names {
      let (shape, values) = try floats(prefix + name)
      pairs.append((name, Tensor(shape: shape, scalars: values)))
    }
    return StateDictionary(pairs)
  }

  /// Adds all tensors of a dictionary, under names with `prefix`.
  public mutating func append(_ dictionary: StateDictionary, prefix: String = "") {
    for (name, tensor) in zip(dictionary.names, dictionary.tensors) {
      append(prefix + name, shape: tensor.shape, floats: tensor.scalars)
    }
  }
}
