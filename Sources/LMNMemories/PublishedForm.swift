internal import LMNKernels
package import LMNLayers

/// Published form of some parameters: their names and layouts in checkpoints of the published code,
/// where these differ from the house's.
public struct PublishedForm {
  let own: [String]
  let published: [String]
  let publish: ([Tensor]) -> [Tensor]
  let adopt: ([Tensor]) -> [Tensor]

  /// - Parameters:
  ///   - own: Our names.
  ///   - published: The published ones.
  ///   - publish: Takes our tensors to the published.
  ///   - adopt: The way back.
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
  /// A dictionary of this memory's parameters under `prefix`, or of their gradients, with names and
  /// shapes as the published code stores them; other entries stay.
  package func published(_ dictionary: StateDictionary, under prefix: String) -> StateDictionary {
    publishedForms.reduce(dictionary) { dictionary, form in
      let form = form.prefixed(prefix)
      return dictionary.replacing(form.own, by: form.published, form.publish)
    }
  }

  /// The way back from ``published(_:under:)``.
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
  /// The same with the tensors of `old`, which stand together at the place of the first, replaced;
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
