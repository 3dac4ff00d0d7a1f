internal import LMNKernels
package import LMNLayers

/// Published form of some parameters: names and layouts in checkpoints of the published code, where
/// they differ from ours.
public struct PublishedForm {
  let own: [String]
  let published: [String]
  let publish: ([Tensor]) -> [Tensor]
  let adopt: ([Tensor]) -> [Tensor]

  /// - Parameters:
  ///   - own: Our names.
  ///   - published: Published names.
  ///   - publish: Converts our tensors to the published ones.
  ///   - adopt: Inverse of `publish`.
  init(
    of own: [String], as published: [String], publish: @escaping ([Tensor]) -> [Tensor],
    adopt: @escaping ([Tensor]) -> [Tensor]
  ) {
    self.own = own
    self.published = published
    self.publish = publish
    self.adopt = adopt
  }

  func prefixed(_ prefix: String) -> PublishedForm {
    PublishedForm(
      of: own.map { prefix + $0 }, as: published.map { prefix + $0 }, publish: publish,
      adopt: adopt)
  }
}

extension Memory {
  /// Converts the entries of this memory's parameters under `prefix`, or of their gradients, to the
  /// names and shapes of the published code; other entries stay.
  package func published(_ dictionary: StateDictionary, under prefix: String) -> StateDictionary {
    publishedForms.reduce(dictionary) { dictionary, form in
      let form = form.prefixed(prefix)
      return dictionary.replacing(form.own, by: form.published, form.publish)
    }
  }

  /// Inverse of ``published(_:under:)``.
  ///
  /// - Precondition: Entries under published names have the published shapes.
  package func adopted(_ dictionary: StateDictionary, under prefix: String) -> StateDictionary {
    publishedForms.reduce(dictionary) { dictionary, form in
      let form = form.prefixed(prefix)
      return dictionary.replacing(form.published, by: form.own, form.adopt)
    }
  }
}

extension StateDictionary {
  /// The same dictionary with the tensors of `old` replaced, together at the place of the first;
  /// unchanged where one of them is missing.
  fileprivate func replacing(
    _ old: [String], by new: [String], _ change: ([Tensor]) -> [Tensor]
  ) -> StateDictionary {
    let tensors = old.compactMap { self[$0] }
    guard tensors.count == old.count else { return self }
    let replacements = Array(zip(new, change(tensors)))
    return StateDictionary(
      zip(names, self.tensors).flatMap { name, tensor -> [(String, Tensor)] in
        if name == old[0] { return replacements }
        return old.contains(name) ? [] : [(name, tensor)]
      })
  }
}
