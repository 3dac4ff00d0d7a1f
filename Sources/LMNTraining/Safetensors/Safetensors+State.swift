import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel

extension Safetensors {
  /// Adds the state of a stream, without its position, under names with `prefix`.
  mutating func append(_ state: Trunk.State, prefix: String = "") {
    for (block, state) in state.blocks.enumerated() {
      for part in state.parts {
        let tensor = part.value.value
        append(
          "\(prefix)blocks.\(block).\(part.name)", shape: tensor.shape, floats: tensor.scalars)
      }
    }
  }

  /// The state of a stream at `position`, all of whose values have to be finite; nil when the tensors do not form such a state at that
  /// position.
  func state(
    of structure: any StateStructure, at position: Int, prefix: String = ""
  ) throws -> Trunk.State? {
    guard (0...mostTokens).contains(position) else { return nil }
    var state = Trunk.State(position: position, blocks: structure.initialState.blocks)
    for (block, shapes) in structure.stateShapes(at: position).enumerated() {
      for (name, shape) in shapes {
        let found = try stateDictionary(of: ["blocks.\(block).\(name)"], prefix: prefix)
        guard found.tensors[0].shape == shape else { return nil }
        state.blocks[block][name] = Variable(constant: found.tensors[0])
      }
      for part in state.blocks[block].parts where !part.isFinite {
        throw CheckpointError.notFinite(tensor: "\(prefix)blocks.\(block).\(part.name)")
      }
    }
    return state
  }

  /// Adds the states of several streams, with their positions.
  mutating func append(_ states: [Trunk.State], prefix: String) {
    append(
      "\(prefix)positions", shape: [states.count], integers: states.map(\.position))
    for (stream, state) in states.enumerated() { append(state, prefix: "\(prefix)\(stream).") }
  }

  /// The states of several streams; nil when the tensors do not form such states.
  func states(of structure: any StateStructure, prefix: String) throws -> [Trunk.State]? {
    let positions = try integers("\(prefix)positions").values
    let states = try positions.enumerated().compactMap { stream, position in
      try state(of: structure, at: position, prefix: "\(prefix)\(stream).")
    }
    return states.count == positions.count ? states : nil
  }
}

/// Upper limit of positions, far from overflow.
let mostTokens = (1 << TreeShape.mostLevels) - 1
