public import LMNAutodiff
public import LMNKernels

/// Mean of a function of a module over a batch, recorded once and run repeatedly: the result of
/// ``valueWithGradient(at:overBatchOf:of:)`` without allocations.
///
/// It owns the parameters, because the recorded calls read them at fixed addresses. Each thread
/// computes whole batch items, forward and backward, in its own workspace, which stays in its
/// cache. Where there are fewer items than threads, or items are too large for a cache, they are
/// computed one by one with all threads.
///
/// Inputs of different layouts have separate recordings. A recording is made when its layout first
/// occurs; all recordings of a thread share one workspace. An item may be computed by several runs
/// (``RecordedInput/runs``), one after the other on the same thread: its value is their weighted sum.
///
/// Gradients are summed in an order that depends only on the batch size: the bits do not depend on
/// the number of threads.
///
/// `@unchecked Sendable` because of the pointers: each thread writes only the values of its own
/// items.
public final class RecordedBatch<M: Module, Input: RecordedInput>: @unchecked Sendable {
  /// Inputs of the items, to be overwritten by the caller before a run.
  public let inputs: [Input]
  /// Copy of the gradient of the last run; zero before the first run and where only values are
  /// computed.
  public var gradient: StateDictionary {
    StateDictionary(
      names: names,
      tensors: zip(gradients, rowGradients).map { gradient, rows in
        rows?.tensor ?? gradient.copied()
      })
  }
  /// The gradient of the last run, at fixed addresses; a tensor without values for a parameter with a
  /// gradient by rows.
  public let gradients: [Tensor]
  /// The gradient of the last run by rows, per parameter of which the function only looks up bags of
  /// rows; otherwise nil.
  public let rowGradients: [RowGradient?]
  /// Names of the parameters.
  public let names: [String]
  /// The parameters, at the addresses that the recorded calls read.
  public let parameters: [Tensor]
  /// Traits of the parameters.
  public let traits: [ParameterTraits]

  private let module: M
  private let result: Result
  private let function: (M, Input) -> RecordedResult
  private let context: ExecutionContext
  private let inner: ExecutionContext
  private let values: UnsafeMutableBufferPointer<Float>
  /// Observed values of each item.
  private let observed: UnsafeMutableBufferPointer<Float>
  private let observedShapes: [[Int]]
  private let groups: [Group]
  private var lanes: [Lane]
  /// Lookups of each item, per parameter; empty for one without a gradient by rows.
  private let lookups: [[StoredLookups]]
  /// Indices of the parameters with a gradient by rows, and of the others.
  private let (lookedUp, dense): ([Int], [Int])
  /// Inputs of the runs of each item.
  private let runs: [[Input]]
  /// Recorded programs of the runs of each item, in the last run of the batch.
  private var programs: [[Program]]
  private var runCount = 0
  /// Sums the gradients of all groups.
  private let sum: Recording

  private typealias Program = RecordedProgram<M, Input>

  /// Programs and groups of one thread.
  private struct Lane {
    var programs: [Program]
    let groups: Range<Int>
  }

  /// Consecutive items whose gradients are summed in sequence.
  private struct Group {
    let items: Range<Int>
    let sums: [Tensor]
  }

  /// Results to compute.
  public enum Result: Sendable {
    /// The mean value.
    case value
    /// The mean value and its gradient.
    case valueAndGradient
  }

  /// Largest workspace of a lane: larger items gain nothing from a thread of their own.
  private static var mostBytesOfLane: Int { 256 << 20 }
  /// Most programs kept per lane, apart from those that derive constants for others.
  private static var mostPrograms: Int { 64 }

  /// Records `function`.
  ///
  /// - Parameters:
  ///   - result: The results to compute.
  ///   - module: The module; its parameters are copied.
  ///   - count: Items of the batch, at least 1.
  ///   - mostGroups: Number of partial sums of gradients, each over consecutive items; at most 16
  ///     and at most `count` are used.
  ///   - context: The context to compute in.
  ///   - makeInput: Allocates an input for the module with its parameters at the addresses that recorded
  ///     calls read; its content has to be valid, but is not used.
  ///   - function: The function for one item.
  public init(
    _ result: Result = .valueAndGradient, at module: M, overBatchOf count: Int,
    groups mostGroups: Int = 8,
    in context: ExecutionContext = .current, inputs makeInput: (M) -> Input,
    computing function: @escaping (M, Input) -> RecordedResult
  ) {
    precondition(count > 0, "RecordedBatch: no items")
    var own = module
    var parameters: [Tensor] = []
    own.forEachParameter { _, parameter in
      parameters.append(parameter.value.copied())
      parameter = Variable(constant: parameters.last!)
    }
    let inputs = (0..<count).map { _ in makeInput(own) }
    let runs = inputs.map(\.runs)
    // The last run of an item computes its value.
    func record() -> Program {
      Program(function, result, at: own, runs[0].last!, in: context)
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
      return Lane(programs: [program], groups: laneGroups)
    }
    self.groups = groups
    self.lanes = lanes
    programs = lanes.flatMap { lane in
      groups[lane.groups].flatMap { group in
        group.items.map { item in runs[item].map { _ in lane.programs[0] } }
      }
    }
    self.runs = runs
    let byRows = parameters.indices.map(first.looksUp)
    let sums = zip(parameters, byRows).map { parameter, isByRows in
      Tensor(shape: isByRows ? [0] : parameter.shape, repeating: 0)
    }
    lookedUp = parameters.indices.filter { byRows[$0] }
    dense = parameters.indices.filter { !byRows[$0] }
    rowGradients = zip(parameters, byRows).map { $1 ? RowGradient(shape: $0.shape) : nil }
    lookups = byRows.map { isByRows in
      isByRows ? (0..<count).map { _ in StoredLookups() } : []
    }
    sum = Recording(in: context) {
      for index in first.gradients.indices where !byRows[index] {
        sums[index].overwrite(withSumOf: groups.map { $0.sums[index] })
      }
    }
    self.inputs = inputs
    self.gradients = sums
    self.names = own.stateDictionary.names
    self.traits = own.parameterTraits
    self.parameters = parameters
    self.module = own
    self.result = result
    self.function = function
    self.context = context
    self.inner = inner
    self.values = .allocate(capacity: count)
    observedShapes = first.observed.map(\.shape)
    observed = .allocate(capacity: count * first.observed.reduce(0) { $0 + $1.count })
    observed.initialize(repeating: 0)
  }

  /// Records a function that returns a variable of shape `[1]` and no further results.
  public convenience init(
    _ result: Result = .valueAndGradient, at module: M, overBatchOf count: Int,
    in context: ExecutionContext = .current, inputs makeInput: (M) -> Input,
    of function: @escaping (M, Input) -> Variable
  ) {
    self.init(result, at: module, overBatchOf: count, in: context, inputs: makeInput) {
      RecordedResult(value: function($0, $1))
    }
  }

  deinit {
    values.deallocate()
    observed.deallocate()
  }

  /// Means over the items of the values that the function observed, in the last run.
  public var observations: [Tensor] {
    var offset = 0
    return observedShapes.map { shape in
      let count = shape.reduce(1, *)
      defer { offset += count }
      return Tensor(
        shape: shape, scalars: (offset..<offset + count).map { Float(meanObservation(at: $0)) })
    }
  }

  /// Mean over the items of one of the observed values, counted over all of them; allocates nothing.
  public func meanObservation(at index: Int) -> Double {
    let stride = observed.count / values.count
    precondition(
      index >= 0 && index < stride, "RecordedBatch: observed value \(index) of \(stride)")
    var sum = 0.0
    for item in 0..<values.count { sum += Double(observed[item * stride + index]) }
    return sum / Double(values.count)
  }

  /// Number of observed values of an item.
  public var observationCount: Int { observed.count / values.count }

  /// Copies a module's parameters into the batch.
  public func load(_ module: M) {
    var module = module
    var index = 0
    module.forEachParameter { _, parameter in
      parameters[index].overwrite(withSumOf: [parameter.value], in: context)
      index += 1
    }
  }

  /// Copies the parameters of the batch into `module`.
  public func store(to module: inout M) { module.adopt(copiesOf: parameters) }

  /// Bytes of parameters, gradients, inputs, workspaces and recordings, known before the first run
  /// from the recordings made so far.
  public var byteCount: Int {
    let workspaces = lanes.reduce(0) { sum, lane in
      sum + lane.programs[0].recording.usedByteCount + inputs[0].byteCountOfRuns
        + lane.programs.reduce(0) { $0 + $1.ownByteCount }
    }
    let copies = result == .value ? 0 : 1 + groups.count
    let values = zip(parameters, gradients).reduce(0) { $0 + $1.0.count + copies * $1.1.count }
    return workspaces + inputs.reduce(0) { $0 + $1.byteCount } + values * MemoryLayout<Float>.size
  }

  /// Makes the recordings that the next run needs for the current inputs.
  public func prepare() { choosePrograms() }

  /// Global L2 norm of the gradient.
  public var gradientNorm: Double {
    rowGradients.reduce(gradients.reduce(0) { $0 + $1.squaredNorm }) {
      $0 + ($1?.squaredNorm ?? 0)
    }.squareRoot()
  }

  /// Computes the recorded function of the current inputs and parameters.
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
    for place in 0..<lookedUp.count {
      let index = lookedUp[place]
      rowGradients[index]?.overwrite(withSumOf: lookups[index], in: context)
    }
    return values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }

  /// Selects the program of each run, and records the missing ones.
  private func choosePrograms() {
    runCount += 1
    for lane in 0..<lanes.count {
      for group in lanes[lane].groups {
        for item in groups[group].items {
          for run in 0..<runs[item].count {
            let layout = runs[item][run].layout
            if programs[item][run].layout != layout {
              programs[item][run] = program(layout, runs[item][run], lane)
            }
            programs[item][run].lastRun = runCount
          }
        }
      }
    }
  }

  private func program(_ layout: [Int], _ input: Input, _ lane: Int) -> Program {
    if let program = lanes[lane].programs.first(where: { $0.layout == layout }) { return program }
    let program = Program(
      function, result, at: module, input, in: context,
      sharingMemoryWith: lanes[lane].programs[0].recording)
    let idle = lanes[lane].programs.enumerated().filter { _, program in
      !program.recording.derivesConstants && program.lastRun < runCount
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
      var isFirst = true
      for item in groups[group].items {
        values[item] = 0
        clearObserved(at: item)
        for place in 0..<lookedUp.count { lookups[lookedUp[place]][item].removeAll() }
        for run in 0..<runs[item].count {
          let (program, input) = (programs[item][run], runs[item][run])
          program.run(on: input, scaledBy: input.weight / Float(values.count), in: inner)
          if let value = program.value {
            values[item] += input.weight * value.scalar
            addObserved(of: program, weighted: input.weight, at: item)
            add(program.gradients, to: groups[group].sums, isFirst: isFirst)
            store(program, at: item)
            isFirst = false
          }
          if !program.outputs.isEmpty {
            input.receive(program.outputs, gradients: program.inputGradients)
          }
        }
      }
    }
  }

  private func add(_ gradients: [Tensor], to sums: [Tensor], isFirst: Bool) {
    for place in 0..<(gradients.isEmpty ? 0 : dense.count) {
      let index = dense[place]
      sums[index].accumulate(gradients[index], isFirst: isFirst, in: inner)
    }
  }

  /// Keeps the lookups of a run with those of its item.
  private func store(_ program: Program, at item: Int) {
    for place in 0..<lookedUp.count {
      let index = lookedUp[place]
      for lookup in program.lookups[index] ?? [] {
        lookups[index][item].add(lookup.bags, cotangent: lookup.cotangent)
      }
    }
  }

  private var observedPerItem: Int { observed.count / values.count }

  private func clearObserved(at item: Int) {
    for index in 0..<observedPerItem { observed[item * observedPerItem + index] = 0 }
  }

  /// Adds the observed values of a run to those of its item; allocates nothing.
  private func addObserved(of program: Program, weighted weight: Float, at item: Int) {
    var place = item * observedPerItem
    for index in 0..<program.observed.count {
      let count = program.observed[index].count
      program.observed[index].withScalars { values in
        for value in 0..<count { observed[place + value] += weight * values[value] }
      }
      place += count
    }
  }
}
