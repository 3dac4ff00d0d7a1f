import LMN

extension Cost {
  /// Cost of a step of a model.
  ///
  /// A training step is three times its forward pass. Bytes are the minimum: for decoding the
  /// parameters, for a layer its input and output.
  static func step(of work: Work) throws -> Cost {
    let sizes = work.configuration
    let blocks = (0..<sizes.layers).reduce(0.0) { sum, block in
      sum + 2 * Double(sizes.feedForward * sizes.width * sizes.width)
        + multiplyAdds(
          of: sizes.trunk.memory(ofBlock: block), width: sizes.width, at: work.positions)
    }
    let forward = { (head: Int) in
      2 * Double(work.tokensPerStep) * (blocks + Double(head))
    }
    let head = sizes.width * sizes.vocabularySize
    let parameters = try ParameterSource.count { try LanguageNetwork(sizes, using: &$0) }
    return switch work.kind {
    case .training: Cost(operations: 3 * forward(head), bytes: 0)
    case .evaluation: Cost(operations: forward(head), bytes: 0)
    case .decoding: Cost(operations: forward(head), bytes: 4 * Double(parameters!))
    case .layer:
      Cost(operations: forward(0), bytes: 8 * Double(work.tokensPerStep * sizes.width))
    }
  }

  /// Multiply-adds of a memory's forward pass per token, the mean over the positions.
  private static func multiplyAdds(
    of memory: MemoryConfiguration, width e: Int, at positions: Range<Int>
  ) -> Double {
    switch memory.settings {
    case let settings as LogarithmicMemory.Settings:
      // Key, query, value and output of the token, a node per bank with its query and value, and a
      // score and a weighted value per slot.
      let shape = settings.treeShape
      let seen =
        slotsSeen(before: positions.upperBound, shape: shape)
        - slotsSeen(before: positions.lowerBound, shape: shape)
      return Double(e * e * (4 + 4 * settings.banks))
        + 2 * Double(e) * Double(seen) / Double(positions.count)
    case let settings as LinearMemory.Settings:
      return linear(settings, width: e, received: 1)
    case let settings as MixtureOfMemories.Settings:
      return linear(
        settings.linear, width: e, received: settings.topK + (settings.shared ? 1 : 0))
    case let settings as CausalAttention.Settings:
      // The tokens before its own, at most those of the window, and itself.
      let seen = positions.reduce(0) { $0 + min($1, settings.window ?? $1) + 1 }
      return Double(4 * e * e) + 2 * Double(e) * Double(seen) / Double(positions.count)
    case let settings as DiagonalStateSpace.Settings:
      return Double(2 * e * e + 3 * e * settings.stateWidth)
    case let settings as SlotMemory.Settings:
      // Query, key, value and output of a token, its key and value for writing, half a segment and
      // the slots that it sees; and of each slot four maps per segment, and the scores and values
      // of its write.
      let (slots, segment) = (Double(settings.slots), Double(settings.segment))
      let written = slots * (4 * Double(e * e) + 2 * Double(e) * (segment + 1)) / segment
      return Double(6 * e * e) + 2 * Double(e) * (slots + (segment + 1) / 2) + written
    default:
      preconditionFailure("Cost: the memory \(memory.kind) is not counted")
    }
  }

  /// Multiply-adds of linear-attention memories that receive a token: projections, and by the token
  /// recurrence products of the state with key (delta rules), query and the written value.
  private static func linear(
    _ settings: LinearMemory.Settings, width e: Int, received: Int
  ) -> Double {
    let (keys, values) = (settings.heads * settings.keyWidth, settings.heads * settings.valueWidth)
    let projections = e * (keys + 2 * values) + received * e * (keys + values)
    let products = settings.rule == .delta || settings.rule == .gatedDelta ? 3 : 2
    return Double(projections + received * products * keys * settings.valueWidth)
  }
}
