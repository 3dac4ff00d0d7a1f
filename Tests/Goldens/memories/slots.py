"""Slots between segments (Memformer, arXiv 2010.06891) by definition: segment by segment, slot by slot.

B batch, L length, E width, H heads, d = E / H, k slots, S tokens of a segment.
"""

import torch
import torch.nn.functional as F

REQUIRED = ("slots", "segment", "heads")
OPTIONS = {"temperature": 0.25, "forgetting": True}
RMS_EPSILON = 1.1920929e-07


def normed(u):
    """The RMS norm of rows, without gain."""
    return u / (u.square().mean(dim=-1, keepdim=True) + RMS_EPSILON).sqrt()


def written(settings, weights, prefix, memory, tokens):
    """Slots [B, k, E] after they have read tokens [B, n, E]."""
    d = memory.shape[-1] // settings["heads"]
    query_map, key_map, value_map = weights[prefix + "write.weight"].chunk(3)
    heads = lambda x: x.unflatten(-1, (settings["heads"], d))  # noqa: E731
    keys, values = heads(tokens @ key_map.T), heads(tokens @ value_map.T)
    slots = []
    for i in range(settings["slots"]):
        slot = memory[:, i]
        query, own_key = heads(slot @ query_map.T), heads(slot @ key_map.T)
        own = (query * own_key).sum(-1)[:, None]
        scores = torch.cat([own, torch.einsum("bhd,bnhd->bnh", query, keys)], dim=1)
        p = (scores / (d**0.5 * settings["temperature"])).softmax(dim=1)
        read = torch.cat([heads(slot)[:, None], values], dim=1)
        slots.append((p[..., None] * read).sum(1).flatten(-2))
    u = torch.stack(slots, dim=1)
    if settings["forgetting"]:
        u = u + weights[prefix + "forgetting"]
    return normed(u)


def output(settings, weights, prefix, y):
    """[B, L, E] -> [B, L, E], and no router logits."""
    d, segment = y.shape[-1] // settings["heads"], settings["segment"]
    memory = normed(weights[prefix + "forgetting"]).expand(len(y), -1, -1)
    outputs = []
    for tokens in y.split(segment, dim=1):
        n = tokens.shape[1]
        seen = torch.cat([memory, tokens], dim=1)
        projected = F.linear(seen, weights[prefix + "qkv.weight"], weights[prefix + "qkv.bias"]).chunk(3, dim=-1)
        q, k, v = (x.unflatten(-1, (settings["heads"], d)) for x in projected)
        scores = torch.einsum("bthd,bzhd->bhtz", q[:, settings["slots"] :], k) / d**0.5
        t, j = torch.arange(n)[:, None], torch.arange(n)
        bias = weights[prefix + "position_bias"][:, (t - j).clamp(min=0)].masked_fill(j > t, -torch.inf)
        scores = scores + F.pad(bias, (settings["slots"], 0))
        outputs.append(torch.einsum("bhtz,bzhd->bthd", scores.softmax(dim=-1), v).flatten(-2))
        if n == segment:
            memory = written(settings, weights, prefix, memory, tokens)
    attended = torch.cat(outputs, dim=1)
    return F.linear(attended, weights[prefix + "out_proj.weight"], weights[prefix + "out_proj.bias"]), None


def draw(settings, drawing, prefix, width):
    drawing.affine(prefix + "qkv.", 3 * width, width, bias=3 * width, fan_in=width)
    drawing.normal(prefix + "position_bias", settings["heads"], settings["segment"], deviation=0.5)
    drawing.affine(prefix + "out_proj.", width, width, bias=width, fan_in=width)
    drawing.matrix(prefix + "write.weight", 3 * width, width, fan_in=width)
    drawing.normal(prefix + "forgetting", settings["slots"], width, deviation=0.5)
