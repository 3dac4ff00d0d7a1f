internal import FoundationEssentials
public import LMNMemories

extension Configuration {
  /// This configuration with the values of a JSON object, in which all keys are optional except
  /// those inside memories.
  ///
  /// - Parameter json: An object of the form that ``init(json:)`` reads.
  /// - Returns: The configuration, not yet validated.
  /// - Throws: ``LMNMemories/ConfigurationError`` for malformed JSON or unknown keys.
  public func merging(json: String) throws(ConfigurationError) -> Configuration {
    var values = try [String: JSONValue](configuration: self.json)
    let others = try [String: JSONValue](configuration: json)
    if others["memory"] != nil || others["memories"] != nil {
      for key in LogarithmicMemory.Settings.fields.map(\.key) + ["memory", "memories"] {
        values[key] = nil
      }
    }
    values.merge(others) { $1 }
    return try values.decoded()
  }
}

extension [String: JSONValue] {
  /// The values of a configuration's JSON object.
  package init(configuration json: String) throws(ConfigurationError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
    } catch {
      throw .malformed("it is no JSON object")
    }
  }

  /// The configuration with these values, not yet validated.
  package func decoded<Settings: Decodable>() throws(ConfigurationError) -> Settings {
    let json: Data
    do { json = try JSONEncoder().encode(self) } catch { throw .malformed("\(error)") }
    return try decodingConfiguration(json)
  }
}

/// A value of a JSON object.
package enum JSONValue: Codable, Equatable, Sendable {
  case number(Double), text(String), truth(Bool), nothing
  case list([JSONValue])
  case object([String: JSONValue])

  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .nothing
    } else if let truth = try? value.decode(Bool.self) {
      self = .truth(truth)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let list = try? value.decode([JSONValue].self) {
      self = .list(list)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .number(let number): try value.encode(number)
    case .text(let text): try value.encode(text)
    case .truth(let truth): try value.encode(truth)
    case .nothing: try value.encodeNil()
    case .list(let list): try value.encode(list)
    case .object(let object): try value.encode(object)
    }
  }
}
