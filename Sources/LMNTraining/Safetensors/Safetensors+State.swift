import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel

extension Safetensors {
  /// Adds what a stream has left behind, names behind `prefix`.
  mutating func append(_ state: Trunk.State, prefix: String = "") {
    for (block, state) in state.enumerated() {
      var tensors = [("nodes", state.nodes.value)]
      if state.pinnedScores.count > 0 {
        tensors += [("pinned", state.pinned.value), ("pinned_scores", state.pinnedScores)]
      }
      for (name, tensor) in tensors {
        append("\(prefix)blocks.\(block).\(name)", shape: tensor.shape, floats: tensor.scalars)
      }
    }
  }

  /// What a stream has left behind after `position` tokens; nil when the tensors are not those of a
  /// state of `trunk` there.
  func state(of trunk: Trunk, at position: Int, prefix: String = "") throws -> Trunk.State? {
    func tensor(_ name: String) throws -> Tensor {
      try stateDictionary(of: [name], prefix: prefix).tensors[0]
    }
    let state = try trunk.blocks.enumerated().compactMap { index, block in
      let none = block.memory.initialState
      let pins = block.memory.pins > 0
      return block.memory.state(
        position: position, nodes: try tensor("blocks.\(index).nodes"),
        pinned: pins ? try tensor("blocks.\(index).pinned") : none.pinned.value,
        pinnedScores: pins ? try tensor("blocks.\(index).pinned_scores") : none.pinnedScores)
    }
    return state.count == trunk.blocks.count ? state : nil
  }

  /// Adds what several streams have left behind, and where each stands.
  mutating func append(_ states: [Trunk.State], prefix: String) {
    append(
      "\(prefix)positions", shape: [states.count], integers: states.map { $0[0].position })
    for (stream, state) in states.enumerated() { append(state, prefix: "\(prefix)\(stream).") }
  }

  /// What several streams have left behind; nil when the tensors are not those of states of `trunk`.
  func states(of trunk: Trunk, prefix: String) throws -> [Trunk.State]? {
    let positions = try integers("\(prefix)positions").values
    let states = try positions.enumerated().compactMap { stream, position in
      try state(of: trunk, at: position, prefix: "\(prefix)\(stream).")
    }
    return states.count == positions.count ? states : nil
  }
}
