public import ArgumentParser
public import LMN

/// Flags of a training on series.
struct SeriesOptions: ParsableArguments {
  @Option(
    help: "forecast: columns to forecast, separated by commas. (default: all)",
    transform: { try ColumnList("--channels", $0) })
  var channels: ColumnList?
  @Option(
    help: """
      forecast: columns with known inputs that are not forecast, separated by commas; a forecast needs \
      them in the rows of the horizon too.
      """, transform: { try ColumnList("--covariates", $0) })
  var covariates: ColumnList?
  @Option(
    help: """
      forecast: column with dates, or none for rows at equal intervals whatever their dates. (default: \
      the first column with dates or years)
      """)
  var timeColumn: String?
  @Option(help: "forecast: column that tells several series apart. (default: one series)")
  var seriesColumn: String?
  @OptionGroup var missing: MissingOption
  @Option(help: "forecast: training loss. (default: mse; with --quantiles: mae)")
  var objective: Objective?
  @Option(
    help: """
      forecast: quantiles to forecast, ascending and separated by commas, such as 0.1,0.5,0.9; trained by \
      the pinball loss. (default: none)
      """, transform: Self.quantiles)
  var quantiles: [Double]?
  @Option(
    help: """
      forecast: level and scale of inputs and forecasts: the last value, mean and deviation of the \
      lags, those of the training part, or none. (default: last)
      """)
  var normalisation: ForecasterNetwork.NormalisationKind?
  @Option(
    help: """
      forecast: lags, the rows that the linear map beside the memory reads, and the memory per step; 0 \
      for neither. (default: two, four and six seasons, at most a ninth of the rows)
      """)
  var lags: Int?
  @Option(help: "forecast: rows of a season. (default: found by autocorrelation)")
  var season: Int?

  enum Objective: String, ExpressibleByArgument, CaseIterable {
    case mse, mae
    var error: PredictionError { self == .mse ? .squared : .absolute }
  }

  private static func quantiles(_ text: String) throws -> [Double] {
    let quantiles = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    let numbers = quantiles.compactMap(\.self)
    guard numbers.count == quantiles.count, numbers.allSatisfy({ $0 > 0 && $0 < 1 }),
      zip(numbers, numbers.dropFirst()).allSatisfy(<)
    else {
      throw ValidationError(
        "--quantiles is '\(text)', it has to be ascending numbers between 0 and 1, such as 0.1,0.5,0.9."
      )
    }
    return numbers
  }

  func validate() throws {
    if quantiles != nil && objective == .mse {
      throw ValidationError("--quantiles are trained by the pinball loss, not by --objective mse.")
    }
    if let season, season < 1 {
      throw ValidationError("--season is \(season), it has to be 1 or more.")
    }
  }

  /// The flags, whether they are given, and the tasks they apply to.
  var usages: [FlagUsage] {
    [
      ("--channels", channels != nil, [.forecast]),
      ("--covariates", covariates != nil, [.forecast]),
      ("--time-column", timeColumn != nil, [.forecast]),
      ("--series-column", seriesColumn != nil, [.forecast]), missing.usage,
      ("--objective", objective != nil, [.forecast]),
      ("--quantiles", quantiles != nil, [.forecast]),
      ("--normalisation", normalisation != nil, [.forecast]), ("--lags", lags != nil, [.forecast]),
      ("--season", season != nil, [.forecast]),
    ]
  }

  /// Settings of the given flags; fixed for a run.
  var settings: [Setting<ForecastSettings>] {
    [
      Setting("--channels", channels.map { Optional($0.names) }, \.columns.channels) {
        $0?.joined(separator: ",") ?? "all"
      },
      Setting("--covariates", covariates?.names, \.covariates) {
        $0.isEmpty ? "none" : $0.joined(separator: ",")
      },
      Setting("--time-column", timeColumn.map(TimeColumn.init), \.columns.time) {
        switch $0 {
        case .recognised: "the first with dates"
        case .none: "none"
        case .named(let name): name
        }
      },
      Setting("--series-column", seriesColumn.map(Optional.some), \.columns.series) {
        $0 ?? "none"
      },
      Setting("--missing", missing.missing, \.columns.missing) { $0.rawValue },
      Setting("--objective", objective?.error, \.objective) { $0 == .squared ? "mse" : "mae" },
      Setting("--quantiles", quantiles, \.quantiles) {
        $0.map { "\($0)" }.joined(separator: ",")
      },
      Setting("--season", season.map(Optional.some), \.season) { $0.map { "\($0)" } ?? "found" },
      Setting("--lags", lags, \.lags),
      Setting("--normalisation", normalisation, \.network.normalisation) { $0.rawValue },
    ].compactMap(\.self)
  }

  /// Columns of the given flags, over those of a model to begin with.
  func columns(from model: ForecasterModel?) -> SeriesColumns {
    var settings = ForecastSettings()
    if let model { settings.columns = model.columns }
    for setting in self.settings { setting.apply(&settings) }
    return settings.columns
  }
}

extension ForecastSettings {
  /// Columns of the covariates, of which the network has as many.
  fileprivate var covariates: [String] {
    get { columns.covariates }
    set { (columns.covariates, network.covariates) = (newValue, newValue.count) }
  }

  /// Quantiles, which are trained by absolute errors.
  fileprivate var quantiles: [Double] {
    get { network.quantiles }
    set { (network.quantiles, objective) = (newValue, .absolute) }
  }

  /// Lags of network and linear map.
  fileprivate var lags: Int {
    get { network.lags }
    set {
      network.lags = newValue
      lagWindows = newValue == 0 ? [] : [newValue]
      // A single row is 0 relative to itself.
      if newValue == 0 && network.normalisation.isRelative { network.normalisation = .global }
    }
  }
}

extension TimeColumn {
  fileprivate init(_ name: String) { self = name == "none" ? .none : .named(name) }
}

/// Names separated by commas.
struct ColumnList {
  let names: [String]

  init(_ flag: String, _ text: String) throws {
    names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if let name = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw ValidationError("\(flag) names '\(name)' twice.")
    }
  }
}

/// Flag for missing values.
struct MissingOption: ParsableArguments {
  @Option(
    help: """
      forecast: missing values are refused, or missing values and rows interpolated or filled with the \
      value before. (default: refuse, or as in training)
      """)
  var missing: MissingValues?

  /// The flag, whether it is given, and the tasks it applies to.
  var usage: FlagUsage { ("--missing", missing != nil, [.forecast]) }

  /// The columns of a model, with the given treatment.
  func columns(of model: ForecasterModel) -> SeriesColumns {
    var columns = model.columns
    if let missing { columns.missing = missing }
    return columns
  }
}

/// Reports filled values and missing rows.
func noteMissingValues(of table: SeriesTable) {
  func isOrAre(_ count: Int, _ noun: String) -> String {
    count == 1 ? "1 \(noun) is" : "\(count) \(noun)s are"
  }
  if table.filledCount > 0 {
    Console.note("\(table.file): \(isOrAre(table.filledCount, "missing value")) filled")
  }
  let gaps = table.series.flatMap(\.gaps)
  guard let first = gaps.first else { return }
  Console.note(
    "\(table.file): \(isOrAre(gaps.reduce(0) { $0 + $1.rows }, "row")) missing, the first after "
      + "\(first.after); the rows are taken as they are, --missing interpolate or forward fills them"
  )
}

extension ForecasterNetwork.NormalisationKind: ExpressibleByArgument {}
extension MissingValues: ExpressibleByArgument {}
