"""Causal attention by definition, with all scores of all pairs of positions.

B batch, L length, E width, H heads, d = E / H.
"""

import torch
import torch.nn.functional as F

REQUIRED = ("heads",)
OPTIONS = {"window": None, "rotary": False, "rotaryBase": 10_000, "bias": True}


def rotated(x, base):
    """[B, L, H, d] -> the same: elements i and i + d/2 as a vector of the plane, turned by t base^(-2i/d)."""
    length, width = x.shape[1], x.shape[-1]
    position = torch.arange(length, dtype=x.dtype)[:, None, None]
    pair = torch.arange(width // 2, dtype=x.dtype)
    angle = position * base ** (-2 * pair / width)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


def output(settings, weights, prefix, y):
    """[B, L, E] -> [B, L, E], and no router logits."""
    heads = (settings["heads"], y.shape[-1] // settings["heads"])
    bias = weights[prefix + "qkv.bias"] if settings["bias"] else None
    q, k, v = (x.unflatten(-1, heads) for x in F.linear(y, weights[prefix + "qkv.weight"], bias).chunk(3, dim=-1))
    if settings["rotary"]:
        q, k = rotated(q, settings["rotaryBase"]), rotated(k, settings["rotaryBase"])
    scores = torch.einsum("bthd,bshd->bhts", q, k) / heads[1] ** 0.5
    t, s = torch.arange(y.shape[1])[:, None], torch.arange(y.shape[1])
    seen = s <= t
    if settings["window"] is not None:
        seen = seen & (s >= t - settings["window"])
    attention = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)
    attended = torch.einsum("bhts,bshd->bthd", attention, v).flatten(-2)
    return F.linear(attended, weights[prefix + "out_proj.weight"], weights[prefix + "out_proj.bias"]), None


def draw(settings, drawing, prefix, width):
    drawing.affine(prefix + "qkv.", 3 * width, width, bias=3 * width, fan_in=width)
    if not settings["bias"]:
        del drawing.weights[prefix + "qkv.bias"]
    drawing.affine(prefix + "out_proj.", width, width, bias=width, fan_in=width)
