"""Diagonal state space (S4D) by definition, token by token.

B batch, L length, E width (channels), N state width: N/2 complex numbers per channel.
"""

import math

import torch
import torch.nn.functional as F

REQUIRED = ()
OPTIONS = {"stateWidth": 64}


def output(settings, weights, prefix, y):
    """[B, L, E] -> [B, L, E], and no router logits."""
    a = torch.complex(-weights[prefix + "log_A_real"].exp(), weights[prefix + "A_imag"])  # [E, N/2]
    factor = (weights[prefix + "log_dt"].exp()[:, None] * a).exp()
    c = torch.view_as_complex(weights[prefix + "C"])
    state, read = torch.zeros(len(y), *a.shape, dtype=a.dtype), []
    for token in y.unbind(1):
        state = factor * state + (factor - 1) / a * token[..., None]
        read.append(2 * (c * state).sum(dim=-1).real + weights[prefix + "D"] * token)
    mixed = F.gelu(torch.stack(read, dim=1))
    gated = F.linear(mixed, weights[prefix + "out_proj.weight"], weights[prefix + "out_proj.bias"])
    value, gate = gated.chunk(2, dim=-1)
    return value * torch.sigmoid(gate), None


def draw(settings, drawing, prefix, width):
    pairs = settings["stateWidth"] // 2
    # Longer steps than in training from scratch: golden files are short.
    drawing.uniform(prefix + "log_dt", width, low=math.log(0.01), high=math.log(0.5))
    drawing.normal(prefix + "log_A_real", width, pairs, mean=math.log(0.5), deviation=0.3)
    drawing.normal(prefix + "A_imag", width, pairs, deviation=0.3)
    drawing.weights[prefix + "A_imag"] += math.pi * torch.arange(pairs)
    drawing.normal(prefix + "C", width, pairs, 2)
    drawing.normal(prefix + "D", width)
    drawing.affine(prefix + "out_proj.", 2 * width, width, bias=2 * width, fan_in=width)
