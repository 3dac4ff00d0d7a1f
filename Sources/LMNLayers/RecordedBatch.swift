public import LMNAutodiff
public import LMNKernels

/// What a member of a recorded batch is computed from: memory that stays where it is.
public protocol RecordedInput: Sendable {
  /// Takes over another input's values.
  func overwrite(with other: Self)
}

/// The mean of a function of a module over a batch, recorded once and run again and again: what
/// ``valueWithGradient(at:overBatchOf:of:)`` computes, without allocating.
///
/// It owns the parameters, since the recorded calls read them where they are. A thread carries a
/// whole member through forward and backward, on memory of its own that stays in its cache; where
/// members are fewer than threads or too large for a cache, they come one by one, and all threads
/// share each.
///
/// Gradients are summed in an order that follows from the size of the batch alone: the bits do not
/// depend on the number of threads.
///
/// Unchecked because of the pointer: a thread writes the values of its own members.
public final class RecordedBatch<M: Module, Input: RecordedInput>: @unchecked Sendable {
  /// The members' inputs, for the caller to overwrite before a run.
  public let inputs: [Input]
  /// The gradient of the last run, copied; zero before the first, and where only values are
  /// computed.
  public var gradient: StateDictionary {
    StateDictionary(names: names, tensors: gradients.map { $0.copied() })
  }
  /// The gradient, where every run leaves it.
  package let gradients: [Tensor]
  /// Its Euclidean norm.
  package var gradientNorm: Double {
    gradients.reduce(0) { $0 + $1.squaredNorm }.squareRoot()
  }
  /// The parameters' names.
  package let names: [String]
  /// The parameters, where the recorded calls read them.
  package let parameters: [Tensor]

  private let context: ExecutionContext
  private let inner: ExecutionContext
  private let values: UnsafeMutableBufferPointer<Float>
  private let lanes: [Lane]
  private let groups: [Group]
  /// Sums the gradients of all groups.
  private let sum: Recording

  /// The computation of one member.
  private struct Program {
    let input: Input
    let recording: Recording
    let value: Tensor
    /// By parameter; none when only the value is computed.
    let gradients: [Tensor]
  }

  /// What a thread works with.
  private struct Lane {
    let program: Program
    let groups: Range<Int>
  }

  /// Neighbouring members, whose gradients are summed one by one.
  private struct Group {
    let members: Range<Int>
    /// Takes over the gradient of the first member, and adds that of another.
    let begin, add: Recording
  }

  /// What is computed of a batch.
  public enum Result: Sendable {
    /// The mean value.
    case value
    /// The mean value and its gradient.
    case valueAndGradient
  }

  /// At most so many members are computed at once; each has a gradient of its own.
  private static var mostGroups: Int { 8 }
  /// Larger members gain nothing from a thread of their own, and need less memory one by one.
  private static var mostBytesOfLane: Int { 256 << 20 }

  /// Records `function`.
  ///
  /// - Parameters:
  ///   - result: What to compute.
  ///   - module: Where; its parameters are copied.
  ///   - count: Members of the batch, at least 1.
  ///   - context: Where to compute.
  ///   - makeInput: Gives memory for an input; what it holds has to be valid, but does not matter.
  ///   - function: Of what, for one member; gives a variable of shape `[1]`.
  public init(
    _ result: Result = .valueAndGradient, at module: M, overBatchOf count: Int,
    in context: ExecutionContext = .current, inputs makeInput: () -> Input,
    of function: (M, Input) -> Variable
  ) {
    precondition(count > 0, "RecordedBatch: no members")
    var own = module
    var parameters: [Tensor] = []
    own.visitParameters { _, parameter in
      parameters.append(parameter.value.copied())
      parameter = Variable(constant: parameters.last!)
    }
    func record() -> Program {
      let input = makeInput()
      var (value, gradients): (Tensor?, [Tensor]) = (nil, [])
      let recording = Recording(in: context) {
        switch result {
        case .value:
          value = function(own, input).value
        case .valueAndGradient:
          let (tracked, variables) = own.tracked()
          let variable = function(tracked, input)
          let found = variable.gradients(
            cotangent: Tensor(shape: [1], repeating: 1 / Float(count)))
          (value, gradients) = (variable.value, variables.map(found.of))
        }
      }
      return Program(input: input, recording: recording, value: value!, gradients: gradients)
    }
    let groupCount = min(count, Self.mostGroups)
    let first = record()
    let fitsCaches = first.recording.byteCount <= Self.mostBytesOfLane
    let laneCount =
      fitsCaches && count >= context.threadCount ? min(groupCount, context.threadCount) : 1
    let inner = context.forEach(of: laneCount)

    var (lanes, groups): ([Lane], [Group]) = ([], [])
    var terms = [[Tensor]](repeating: [], count: parameters.count)
    for lane in 0..<laneCount {
      let program = lane == 0 ? first : record()
      let laneGroups = groupCount * lane / laneCount..<groupCount * (lane + 1) / laneCount
      lanes.append(Lane(program: program, groups: laneGroups))
      for group in laneGroups {
        let sums = program.gradients.map { Tensor(shape: $0.shape, repeating: 0) }
        for (index, sum) in sums.enumerated() { terms[index].append(sum) }
        groups.append(
          Group(
            members: count * group / groupCount..<count * (group + 1) / groupCount,
            begin: Recording(in: inner) {
              for (sum, gradient) in zip(sums, program.gradients) {
                sum.overwrite(withSumOf: [gradient])
              }
            },
            add: Recording(in: inner) {
              for (sum, gradient) in zip(sums, program.gradients) {
                sum.overwrite(withSumOf: [sum, gradient])
              }
            }))
      }
    }
    self.inputs = (0..<count).map { _ in makeInput() }
    let sums = parameters.map { Tensor(shape: $0.shape, repeating: 0) }
    self.sum = Recording(in: context) {
      for (sum, terms) in zip(sums, terms) where !terms.isEmpty { sum.overwrite(withSumOf: terms) }
    }
    self.gradients = sums
    self.names = own.stateDictionary.names
    self.parameters = parameters
    self.context = context
    self.inner = inner
    self.values = .allocate(capacity: count)
    self.lanes = lanes
    self.groups = groups
  }

  deinit { values.deallocate() }

  /// Copies a module's parameters.
  public func load(_ module: M) {
    var module = module
    var index = 0
    module.visitParameters { _, parameter in
      parameters[index].overwrite(withSumOf: [parameter.value], in: context)
      index += 1
    }
  }

  /// Gives `module` a copy of the parameters.
  public func store(to module: inout M) {
    var index = 0
    module.visitParameters { _, parameter in
      parameter = Variable(constant: parameters[index].copied())
      index += 1
    }
  }

  /// Computes what was recorded, of the inputs and parameters as they are now.
  ///
  /// - Returns: The mean over the members.
  public func run() -> Double {
    for index in 0..<lanes.count { lanes[index].program.recording.derive(in: context) }
    context.perform(self, count: lanes.count)
    sum.run(in: context)
    return values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }
}

extension RecordedBatch: ConcurrentWork {
  /// Computes the members of a lane.
  package func perform(_ index: Int) {
    let lane = lanes[index]
    for index in lane.groups {
      let group = groups[index]
      for member in group.members {
        lane.program.input.overwrite(with: inputs[member])
        lane.program.recording.run(in: inner)
        values[member] = lane.program.value.scalar
        (member == group.members.lowerBound ? group.begin : group.add).run(in: inner)
      }
    }
  }
}
