import LMN

/// A flag that was given and the field it sets.
struct Setting {
  let flag: String
  let apply: (inout TrainingConfiguration) -> Void
  let read: (TrainingConfiguration) -> String

  init?<Value>(
    _ flag: String, _ value: Value?, _ field: WritableKeyPath<TrainingConfiguration, Value>,
    show: @escaping (Value) -> String = { "\($0)" }
  ) {
    guard let value else { return nil }
    self.flag = flag
    apply = { $0[keyPath: field] = value }
    read = { show($0[keyPath: field]) }
  }
}
