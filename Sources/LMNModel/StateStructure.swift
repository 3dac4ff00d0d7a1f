public import LMNLayers

/// Tensors of a model's state along a stream, for training with carried state.
public protocol StateStructure: Sendable {
  /// The state before the first input; gradients flow to the parameters that it depends on.
  var initialState: Trunk.State { get }
  /// Names and shapes of the tensors of a state at `position`, per block.
  func stateShapes(at position: Int) -> [[(name: String, shape: [Int])]]
  /// Key of a recorded computation: equal for two starts only if the model makes the same kernel
  /// calls over `length` inputs from both.
  func layout(start: Int, length: Int) -> [Int]
}

extension StateStructure {
  /// Bytes of one stream's state at `position`, per block.
  public func stateByteCounts(at position: Int) -> [Int] {
    stateShapes(at: position).map { shapes in
      shapes.reduce(0) { $0 + $1.shape.reduce(1, *) } * MemoryLayout<Float>.size
    }
  }

  /// Bytes of one stream's state at `position`.
  public func stateByteCount(at position: Int) -> Int {
    stateByteCounts(at: position).reduce(0, +)
  }
}

/// A model that reads a stream part by part, with a state that training can carry.
public protocol StreamModule: Module {
  /// Tensors of its state.
  var stateStructure: any StateStructure { get }
  /// Bytes of one stream's state at `position`.
  func stateByteCount(at position: Int) -> Int
}

extension Trunk: StateStructure {}

extension Network {
  /// Tensors of the states of the blocks.
  public var stateStructure: any StateStructure { trunk }
}
