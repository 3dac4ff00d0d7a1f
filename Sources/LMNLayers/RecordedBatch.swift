public import LMNAutodiff
public import LMNKernels

/// The mean of a function of a module over a batch, recorded once and run again and again: the result
/// of ``valueWithGradient(at:overBatchOf:of:)`` without allocating.
///
/// It owns the parameters, since the recorded calls read them where they are. A thread computes a
/// whole batch item, forward and backward, on memory of its own that stays in its cache; where items
/// are fewer than threads or too large for a cache, they are computed one by one, and all threads
/// share each.
///
/// Items whose inputs have different layouts are computed by different recordings, which are made
/// when a layout first comes and work in the same memory.
///
/// Gradients are summed in an order that follows from the size of the batch alone: the bits do not
/// depend on the number of threads.
///
/// Unchecked because of the pointers: a thread writes the values of its own items.
public final class RecordedBatch<M: Module, Input: RecordedInput>: @unchecked Sendable {
  /// The items' inputs, for the caller to overwrite before a run.
  public let inputs: [Input]
  /// The gradient of the last run, copied; zero before the first, and where only values are
  /// computed.
  public var gradient: StateDictionary {
    StateDictionary(names: names, tensors: gradients.map { $0.copied() })
  }
  /// The gradient, where every run leaves it.
  public let gradients: [Tensor]
  /// The parameters' names.
  public let names: [String]
  /// The parameters, where the recorded calls read them.
  public let parameters: [Tensor]
  /// Per parameter, whether weight decay applies to it.
  public let weightDecays: [Bool]

  private let module: M
  private let result: Result
  private let function: (M, Input) -> RecordedResult
  private let context: ExecutionContext
  private let inner: ExecutionContext
  private let values: UnsafeMutableBufferPointer<Float>
  private let groups: [Group]
  private var lanes: [Lane]
  /// The program of every item in the last run.
  private var programs: [Program]
  private var runs = 0
  /// Sums the gradients of all groups.
  private let sum: Recording

  /// The computation of one item, for one layout of its input, in one lane.
  private final class Program {
    let layout: [Int]
    let input: Input
    let recording: Recording
    let value: Tensor
    /// By parameter; none when only the value is computed.
    let gradients: [Tensor]
    /// The function's further results, and the gradients with respect to its further inputs.
    let outputs, inputGradients: [Tensor]
    /// By group of the lane: takes over the gradient of the first item, or adds that of another.
    var begin: [Recording] = []
    var add: [Recording] = []
    var lastRun = 0

    init(
      layout: [Int], input: Input, recording: Recording, value: Tensor, gradients: [Tensor],
      outputs: [Tensor], inputGradients: [Tensor]
    ) {
      (self.layout, self.input, self.recording) = (layout, input, recording)
      (self.value, self.gradients) = (value, gradients)
      (self.outputs, self.inputGradients) = (outputs, inputGradients)
    }
  }

  /// Programs and groups of one thread.
  private struct Lane {
    var programs: [Program]
    let groups: Range<Int>
  }

  /// Neighbouring items, whose gradients are summed one by one.
  private struct Group {
    let items: Range<Int>
    let sums: [Tensor]
  }

  /// Results that are computed of a batch.
  public enum Result: Sendable {
    /// The mean value.
    case value
    /// The mean value and its gradient.
    case valueAndGradient
  }

  /// Larger items gain nothing from a thread of their own, and need less memory one by one.
  private static var mostBytesOfLane: Int { 256 << 20 }
  /// Programs that a lane keeps, but for those that derive constants for others.
  private static var mostPrograms: Int { 64 }

  /// Records `function`.
  ///
  /// - Parameters:
  ///   - result: The results to compute.
  ///   - module: The module; its parameters are copied.
  ///   - count: Items of the batch, at least 1.
  ///   - mostGroups: Sums that the items' gradients are first added up to, of neighbouring items each; at
  ///     most 16, and no more than items.
  ///   - context: The context to compute in.
  ///   - makeInput: Allocates an input; its content has to be valid, but does not matter.
  ///   - function: The function, for one item.
  public init(
    _ result: Result = .valueAndGradient, at module: M, overBatchOf count: Int, groups mostGroups: Int = 8,
    in context: ExecutionContext = .current, inputs makeInput: () -> Input,
    computing function: @escaping (M, Input) -> RecordedResult
  ) {
    precondition(count > 0, "RecordedBatch: no items")
    var own = module
    var parameters: [Tensor] = []
    own.forEachParameter { _, parameter in
      parameters.append(parameter.value.copied())
      parameter = Variable(constant: parameters.last!)
    }
    let inputs = (0..<count).map { _ in makeInput() }
    func record() -> Program {
      Self.record(function, result, at: own, inputs[0], count: count, in: context)
    }
    let groupCount = min(count, mostGroups)
    let first = record()
    let fitsCaches = first.recording.byteCount <= Self.mostBytesOfLane
    let laneCount =
      fitsCaches && count >= context.threadCount ? min(groupCount, context.threadCount) : 1
    let inner = context.forEach(of: laneCount)

    let groups = (0..<groupCount).map { group in
      Group(
        items: count * group / groupCount..<count * (group + 1) / groupCount,
        sums: first.gradients.map { Tensor(shape: $0.shape, repeating: 0) })
    }
    let lanes = (0..<laneCount).map { lane in
      let laneGroups = groupCount * lane / laneCount..<groupCount * (lane + 1) / laneCount
      let program = lane == 0 ? first : record()
      Self.recordSums(of: program, into: groups[laneGroups], in: inner)
      return Lane(programs: [program], groups: laneGroups)
    }
    self.groups = groups
    self.lanes = lanes
    programs = lanes.flatMap { lane in
      groups[lane.groups].flatMap { $0.items.map { _ in lane.programs[0] } }
    }
    let sums = parameters.map { Tensor(shape: $0.shape, repeating: 0) }
    sum = Recording(in: context) {
      for index in first.gradients.indices {
        sums[index].overwrite(withSumOf: groups.map { $0.sums[index] })
      }
    }
    self.inputs = inputs
    self.gradients = sums
    self.names = own.stateDictionary.names
    self.weightDecays = own.weightDecays
    self.parameters = parameters
    self.module = own
    self.result = result
    self.function = function
    self.context = context
    self.inner = inner
    self.values = .allocate(capacity: count)
  }

  /// Records a function that gives a variable of shape `[1]` and nothing else.
  public convenience init(
    _ result: Result = .valueAndGradient, at module: M, overBatchOf count: Int,
    in context: ExecutionContext = .current, inputs makeInput: () -> Input,
    of function: @escaping (M, Input) -> Variable
  ) {
    self.init(result, at: module, overBatchOf: count, in: context, inputs: makeInput) {
      RecordedResult(value: function($0, $1))
    }
  }

  deinit { values.deallocate() }

  /// Records the computation of one item.
  private static func record(
    _ function: (M, Input) -> RecordedResult, _ result: Result, at module: M, _ input: Input,
    count: Int, in context: ExecutionContext, sharingMemoryWith other: Recording? = nil
  ) -> Program {
    let input = input.placeholder()
    var (found, gradients, inputGradients): (RecordedResult?, [Tensor], [Tensor]) = (nil, [], [])
    let recording = Recording(in: context, sharingMemoryWith: other) {
      switch result {
      case .value:
        found = function(module, input)
      case .valueAndGradient:
        let (tracked, variables) = module.tracked()
        let result = function(tracked, input)
        let seeds =
          [(result.value, Tensor(shape: [1], repeating: 1 / Float(count)))]
          + result.outputs.compactMap { output in output.cotangent.map { (output.value, $0) } }
        let all = LMNAutodiff.gradients(of: seeds)
        (found, gradients) = (result, variables.map(all.of))
        inputGradients = result.inputs.map(all.of)
      }
    }
    return Program(
      layout: input.layout, input: input, recording: recording, value: found!.value.value,
      gradients: gradients, outputs: found!.outputs.map(\.value.value),
      inputGradients: inputGradients)
  }

  /// Records how a program's gradient gets into the sums of groups.
  private static func recordSums(
    of program: Program, into groups: ArraySlice<Group>, in context: ExecutionContext
  ) {
    program.begin = groups.map { group in
      Recording(in: context) {
        for (sum, gradient) in zip(group.sums, program.gradients) {
          sum.overwrite(withSumOf: [gradient])
        }
      }
    }
    program.add = groups.map { group in
      Recording(in: context) {
        for (sum, gradient) in zip(group.sums, program.gradients) {
          sum.overwrite(withSumOf: [sum, gradient])
        }
      }
    }
  }

  /// Copies a module's parameters.
  public func load(_ module: M) {
    var module = module
    var index = 0
    module.forEachParameter { _, parameter in
      parameters[index].overwrite(withSumOf: [parameter.value], in: context)
      index += 1
    }
  }

  /// Gives `module` a copy of the parameters.
  public func store(to module: inout M) { module.adopt(copiesOf: parameters) }

  /// The Euclidean norm of the gradient.
  public var gradientNorm: Double {
    gradients.reduce(0) { $0 + $1.squaredNorm }.squareRoot()
  }

  /// Computes the recorded function of the inputs and parameters as they are now.
  ///
  /// - Returns: The mean over the items.
  public func run() -> Double {
    choosePrograms()
    for lane in 0..<lanes.count {
      for program in 0..<lanes[lane].programs.count {
        lanes[lane].programs[program].recording.derive(in: context)
      }
    }
    context.perform(self, count: lanes.count)
    sum.run(in: context)
    return values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }

  /// Finds the program of every item, and records those that are missing.
  private func choosePrograms() {
    runs += 1
    for lane in 0..<lanes.count {
      for group in lanes[lane].groups {
        for item in groups[group].items {
          let layout = inputs[item].layout
          if programs[item].layout != layout { programs[item] = program(layout, item, lane) }
          programs[item].lastRun = runs
        }
      }
    }
  }

  private func program(_ layout: [Int], _ item: Int, _ lane: Int) -> Program {
    if let program = lanes[lane].programs.first(where: { $0.layout == layout }) { return program }
    let program = Self.record(
      function, result, at: module, inputs[item], count: inputs.count, in: context,
      sharingMemoryWith: lanes[lane].programs[0].recording)
    Self.recordSums(of: program, into: groups[lanes[lane].groups], in: inner)
    let idle = lanes[lane].programs.enumerated().filter { _, program in
      !program.recording.derivesConstants && program.lastRun < runs
    }
    if idle.count >= Self.mostPrograms {
      let oldest = idle.min { $0.element.lastRun < $1.element.lastRun }!
      lanes[lane].programs.remove(at: oldest.offset)
    }
    lanes[lane].programs.append(program)
    return program
  }
}

extension RecordedBatch: ConcurrentWork {
  /// Computes the items of a lane.
  package func perform(_ index: Int) {
    let laneGroups = lanes[index].groups
    for group in laneGroups {
      let place = group - laneGroups.lowerBound
      for item in groups[group].items {
        let program = programs[item]
        program.input.overwrite(with: inputs[item])
        program.recording.run(in: inner)
        values[item] = program.value.scalar
        let isFirst = item == groups[group].items.lowerBound
        (isFirst ? program.begin : program.add)[place].run(in: inner)
        if !program.outputs.isEmpty {
          // Copied: another run will overwrite them.
          inputs[item].receive(
            program.outputs.map { $0.detachedCopy() },
            gradients: program.inputGradients.map { $0.detachedCopy() })
        }
      }
    }
  }
}

extension Tensor {
  /// A copy in memory of its own, made by the calling thread.
  fileprivate func detachedCopy() -> Tensor {
    withScalars { scalars in
      Tensor(shape: shape) { $0.update(from: scalars, count: count) }
    }
  }
}
