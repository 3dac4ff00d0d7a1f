@_exported public import LMNAutodiff
@_exported public import LMNKernels
@_exported public import LMNLayers
@_exported public import LMNMemories
@_exported public import LMNModel
@_exported public import LMNTraining
