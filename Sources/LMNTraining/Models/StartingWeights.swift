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
    var tensors = zip(new.tensors, old.tensors).map { $0.overwritten(by: $1) }
    if start is MemformerModel {
      let table = new.names.firstIndex(of: "token_embedding_table.weight")!
      tensors[table] = tensors[table].withLastRow(
        of: old.tensors[table], replacedBy: new.tensors[table])
    }
    try model.network.load(StateDictionary(names: new.names, tensors: tensors))
    return model
  }
}

extension Tensor {
  /// This table, which begins with the rows of `old`, with the last of these as its own last row, and
  /// that of `new` in its place: the token that marks a beginning, which comes after all others.
  fileprivate func withLastRow(of old: Tensor, replacedBy new: Tensor) -> Tensor {
    let (width, last) = (shape[1], old.shape[0] - 1)
    var values = scalars
    values.replaceSubrange(
      last * width..<(last + 1) * width, with: new.rows(last..<last + 1).scalars)
    values.replaceSubrange((values.count - width)..., with: old.rows(last..<last + 1).scalars)
    return Tensor(shape: shape, scalars: values)
  }

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
