import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel

/// A forecaster of a golden file, with series and expected results.
///
/// The file's metadata are those of a model file. Its loss is the mean squared error of all forecasts with
/// a target, or with quantiles the mean absolute one, in terms of the windows.
struct ForecasterGolden {
  let network: ForecasterNetwork
  /// Series of every row of the batch, each of one row more than has forecasts.
  let series: [NormalisedSeries]
  /// The values of the series and of their covariates, in their own units.
  let values, covariates: [[Double]]
  /// Forecasts `[B, L, N]` in the channels' own units, and loss `[1]`.
  let forecasts, loss: Tensor
  /// Gradient per parameter, under published names.
  let gradient: StateDictionary

  init(_ file: GoldenFile) throws {
    let data = ["series", "covariates", "forecasts", "loss"]
    let network = try ForecasterModel(file.model(besides: data)).network
    self.network = network
    gradient = try file.gradient(of: network.published(network.stateDictionary), besides: data)
    values = try file.series("series", width: network.channels)
    covariates =
      if network.settings.covariates == 0 {
        values.map { _ in [] }
      } else { try file.series("covariates", width: network.settings.covariates) }
    guard covariates.count == values.count else {
      throw file.unusable(
        "'covariates' are those of \(covariates.count) series, 'series' has \(values.count)")
    }
    series = zip(values, covariates).map {
      NormalisedSeries($0, covariates: $1, in: network.frame)
    }
    let length = series[0].count - 1
    guard length > 0 else { throw file.unusable("'series' has one row, which has no targets") }
    try naming(file: file.path) {
      try network.configuration.trunk.expectPositions(for: length)
    }
    forecasts = try file.tensor(
      "forecasts", shape: [series.count, length, network.outputWidth])
    loss = try file.tensor("loss", shape: [1])
  }

  /// The network's results, compared with the expected ones.
  var items: [Verification.Item] {
    let (batch, length) = (series.indices, forecasts.shape[1])
    let frame = network.frame
    func item(_ name: String, _ forecasts: (Int) -> [Double]) -> Verification.Item {
      Verification.Item(
        name, batch.flatMap { forecasts($0).map { Float($0) } }, with: self.forecasts.scalars)
    }
    func inputs(_ index: Int) -> Tensor { frame.inputs(ofRows: 0..<length, of: series[index]) }
    func restored(_ outputs: [Float], _ index: Int) -> [Double] {
      (0..<length).flatMap { row in
        let width = network.outputWidth
        return frame.restored(
          frame.forecast(
            outputs[row * width..<(row + 1) * width], ofRow: row, of: series[index]))
      }
    }
    let kind: PredictionError = network.settings.quantiles.isEmpty ? .squared : .absolute
    let (loss, found) = valueWithGradient(at: network, overBatchOf: batch.count) { network, index in
      let window = SeriesWindow(length: length, in: frame)
      window.overwrite(with: series[index], from: 0, before: length + 1)
      var state = network.initialState
      var pass = network.trunk.pass(after: 0, length: length, dropping: nil)
      return network.loss(kind, of: window, after: &state, &pass)
    }
    return [
      item("forecasts, parallel") { restored(network(inputs($0)).value.scalars, $0) },
      item("forecasts, sequential") { index in
        var session = ForecastSession(network)
        let channels = network.channels
        return (0..<length).flatMap { row in
          session.step(
            Array(values[index][row * channels..<(row + 1) * channels]),
            covariates: row == 0 ? covariates[index] : [])
        }
      },
      item("forecasts, prefill in chunks") { index in
        var state = network.initialState
        let outputs = Verification.unevenChunks(of: inputs(index)).flatMap {
          network($0, after: &state).value.scalars
        }
        return restored(outputs, index)
      },
      Verification.Item("loss", [loss], with: self.loss.scalars),
    ] + Verification.items(comparing: network.published(found), with: gradient)
  }
}
