"""Random weights of a golden file, drawn one after the other from one generator."""

import torch


class Drawing:
    """Named weights, float32. A change of the order of the draws changes all that follow."""

    def __init__(self, generator):
        self.generator = generator
        self.weights = {}

    def normal(self, name, *shape, mean=0, deviation=1):
        self.weights[name] = mean + deviation * torch.randn(shape, generator=self.generator)

    def uniform(self, name, *shape, low, high):
        self.weights[name] = low + (high - low) * torch.rand(shape, generator=self.generator)

    def matrix(self, name, *shape, fan_in):
        """Standard deviation 1 / sqrt(fan in): outputs have the scale of the inputs."""
        self.weights[name] = torch.randn(shape, generator=self.generator) / fan_in**0.5

    def affine(self, prefix, *shape, bias, fan_in):
        """A matrix and biases large enough to matter, of shape `bias`."""
        self.matrix(prefix + "weight", *shape, fan_in=fan_in)
        self.normal(prefix + "bias", *(bias if isinstance(bias, tuple) else (bias,)), deviation=0.2)

    def gain(self, name, width):
        self.normal(name, width, mean=1, deviation=0.2)
