import LMNKernels
import LMNLayers

extension StoredModel {
  /// A new model with the weights of `start`.
  ///
  /// Its vocabulary may be larger: the tokens of `start`, which come first, then have the same
  /// weights, and the others new ones.
  ///
  /// - Parameters:
  ///   - start: Model of the same shapes, apart from the vocabulary; nil to keep new weights.
  ///   - make: Constructs the new model, with new parameters.
  /// - Returns: The model.
  /// - Throws: Errors of `make`.
  static func beginning(with start: Self?, _ make: () throws -> Self) throws -> Self {
    var model = try make()
    guard let start else { return model }
    let (new, old) = (model.network.stateDictionary, start.network.stateDictionary)
    precondition(new.names == old.names, "beginning: the models have different parameters")
    precondition(
      !(start is MemformerModel)
        || zip(new.tensors, old.tensors).allSatisfy { $0.shape == $1.shape },
      "beginning: the vocabulary of a Memformer cannot grow, its last embedding is no token's")
    try model.network.load(
      StateDictionary(
        names: new.names, tensors: zip(new.tensors, old.tensors).map { $0.overwritten(by: $1) }))
    return model
  }
}

extension Tensor {
  /// This tensor with the values of `other` wherever that has the same indices.
  fileprivate func overwritten(by other: Tensor) -> Tensor {
    if shape == other.shape { return other }
    precondition(
      shape.count == other.shape.count && zip(shape, other.shape).allSatisfy(>=),
      "overwritten: \(shape) by \(other.shape)")
    var values = scalars
    for (index, value) in other.scalars.enumerated() {
      // Index in this tensor, from the innermost dimension.
      var (rest, place, stride) = (index, 0, 1)
      for (extent, extentOfOther) in zip(shape, other.shape).reversed() {
        place += rest % extentOfOther * stride
        (rest, stride) = (rest / extentOfOther, stride * extent)
      }
      values[place] = value
    }
    return Tensor(shape: shape, scalars: values)
  }
}
