public import LMNKernels
public import LMNLayers

/// What a member of a batch is computed from while a model around a trunk learns.
public protocol TrainingInput: RecordedInput {
  /// Which values are dropped of it; a batch that learns needs another draw at every step.
  var draw: DropoutDraw { get }
}

/// What a model learns from, step by step: the mean of a loss over a batch, and its gradient, at
/// parameters of its own.
public protocol TrainingBatch<M, Input>: AnyObject {
  /// What learns.
  associatedtype M: Module
  /// What a member of the batch is computed from.
  associatedtype Input

  /// The members' inputs, for the caller to overwrite before a run.
  var inputs: [Input] { get }
  /// What the members' streams have left behind, which is where the next run goes on; none where
  /// they begin anew.
  var states: [Trunk.State] { get set }
  /// The parameters' names.
  var names: [String] { get }
  /// The parameters, for an optimizer to overwrite where they are.
  var parameters: [Tensor] { get }
  /// The gradient of the last run, by parameter.
  var gradients: [Tensor] { get }

  /// Computes loss and gradient of the inputs and parameters as they are now.
  ///
  /// - Returns: The mean loss over the members.
  func run() -> Double
  /// Gives `module` a copy of the parameters.
  func store(to module: inout M)
}

extension TrainingBatch {
  /// The Euclidean norm of the gradient.
  package var gradientNorm: Double {
    gradients.reduce(0) { $0 + $1.squaredNorm }.squareRoot()
  }
}

extension RecordedBatch: TrainingBatch {
  /// None: what is recorded has its place in the tree, so that every run begins anew.
  public var states: [Trunk.State] {
    get { [] }
    set { precondition(newValue.isEmpty, "RecordedBatch: \(newValue.count) states to go on from") }
  }
}
