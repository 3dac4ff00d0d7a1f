public import ArgumentParser
public import LMN

/// Flag that chooses among the weights of a run's directory.
struct WeightsOption: ParsableArguments {
  @Option(
    help: """
      Weights of a run's directory: best, by validation loss, or last. (default: best, where \
      training kept them)
      """)
  var weights: Weights?
}

extension Weights: ExpressibleByArgument {}
