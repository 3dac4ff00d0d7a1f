import ArgumentParser
import LMN

extension Train {
  func forecastTrainer(_ start: TrainingStart) throws -> Trainer<ForecastData>? {
    let (bytes, validationBytes) = (try start.contents(), try start.validationContents())
    let format = tasks.table.format
    do {
      if resume {
        var trainer = try Trainer<ForecastData>(
          resuming: start.directory, csv: bytes, file: start.file!,
          validation: validationBytes.map { ($0, start.validation!) }, format: format,
          change: applyToResumed)
        if try prints(trainer.configuration) { return nil }
        trainer.dataFiles = try start.dataFiles()
        noteResumption(of: trainer)
        return trainer
      }
      var model: ForecasterModel?
      if case .forecast(let found) = start.model { model = found }
      var columns = tasks.series.columns(from: model)
      func table(_ bytes: [UInt8], _ file: String) throws -> SeriesTable {
        let table = try SeriesTable(csv: bytes, file: file, columns: columns, format: format)
        noteMissingValues(of: table)
        return table
      }
      let series = try table(bytes, start.file!).series
      columns.channels = series[0].channels
      let validation = try validationBytes.map {
        (series: try table($0, start.validation!).series, file: start.validation!)
      }
      let rows = series.reduce(0) {
        $0 + (validation == nil ? ForecastData.trainingCount(of: $1.count) : $1.count)
      }
      let configuration = try configuration(
        of: .forecast, vocabularySize: series[0].channels.count, over: TrainingSize(count: rows),
        from: start.model
      ) { $0.suit(series, rows: rows, season: tasks.series.season) }
      if try prints(configuration) { return nil }
      var trainer = try Trainer(
        configuration, series: series, file: start.file!, validation: validation, from: model,
        in: start.directory)
      trainer.dataFiles = try start.dataFiles()
      return trainer
    } catch let error as CSVError {
      guard case .notANumber = error.problem else { throw error }
      throw UnusableInput("\(error); --channels names the columns to forecast")
    }
  }

  func trainForecaster(_ start: TrainingStart) throws {
    guard var trainer = try forecastTrainer(start) else { return }
    let channels = trainer.model.channels
    var report = try train(
      &trainer, about: "\(channels.count) channel\(channels.count == 1 ? "" : "s")")
    // Of the best weights, which the run leaves.
    if let best = trainer.bestValidation {
      (report.validationLoss, report.forecast) = (best.loss, best.forecast)
    }
    if try ForecasterModel(contentsOf: output).network.isLinear {
      Console.note(
        "the memory does not improve on the linear map of the lags, so the model is that map")
    }
    try print(report, "", result: report.forecast?.words ?? "")
  }
}
