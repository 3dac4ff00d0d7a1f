"""The logarithmic memory by definition: every slot of every position is laid out.

B batch, L length, E width, K banks, r arity, g expansion, S slots of a node (in a tree) or of a position, H heads.
"""

import torch
import torch.nn.functional as F

REQUIRED = ("heads", "banks", "summarizer")
OPTIONS = {
    "expand": 0, "arity": 2, "visibility": "latest", "levelBias": False, "maximumLevels": None, "window": 0,
    "windowBias": False, "pinned": 0,
}


def grow(settings, weights, prefix, nodes):
    """[B, K, n, S, E] -> [B, K, n, S + g, E]: the list of slots of every node, longer by g."""
    if not settings["expand"]:
        return nodes
    prefix += "expander.conv_transpose."
    lists = nodes.flatten(0, 2).transpose(1, 2)
    grown = F.conv_transpose1d(lists, weights[prefix + "weight"], weights[prefix + "bias"])
    return grown.transpose(1, 2).unflatten(0, nodes.shape[:3])


def summarize(settings, weights, prefix, children):
    """[B, K, n, r, S, E] -> [B, K, n, S, E]: one node for every r children, slot by slot."""
    batch, banks, count, arity, slots, width = children.shape
    if settings["summarizer"] == "linear":
        together = children.transpose(3, 4).flatten(-2)
        node = torch.einsum("bknsi,kio->bknso", together, weights[prefix + "weight"])
        return node + weights[prefix + "bias"][..., None, :]
    if settings["summarizer"] == "depthwiseSeparable":
        mixed = torch.einsum("bknrse,ker->bknse", children, weights[prefix + "depthwise.weight"])
        mixed = mixed + weights[prefix + "depthwise.bias"][:, None, None]
        node = torch.einsum("bknsi,kio->bknso", mixed, weights[prefix + "pointwise.weight"])
        return node + weights[prefix + "pointwise.bias"][:, None, None]
    channels = children.permute(0, 4, 1, 5, 2, 3).reshape(batch * slots, banks * width, count * arity)
    groups = banks if settings["summarizer"] == "convGrouped" else 1
    node = F.conv1d(
        channels, weights[prefix + "conv.weight"], weights[prefix + "conv.bias"], stride=arity, groups=groups
    )
    return node.reshape(batch, slots, banks, width, count).permute(0, 2, 4, 1, 3)


def visible_slots(settings, weights, prefix, y):
    """[B, L, E] -> the slots that each position sees [B, L, S, E], which are present, and what is added to scores."""
    batch, length, _ = y.shape
    arity, disjoint = settings["arity"], settings["visibility"] == "disjoint"
    highest = settings["maximumLevels"] or 63
    position = torch.arange(length)
    slots, present, biases = [], [], []

    def add(vectors, seen, bias):
        slots.append(vectors)
        present.append(seen.expand(batch, length))
        biases.append(bias.expand(batch, length, settings["heads"]))

    none = y.new_zeros(1)
    nodes = y[:, None, :, None].expand(-1, settings["banks"], -1, -1, -1)  # level 0 is shared by all banks
    for level in range(highest + 1):
        bias = weights[prefix + "level_bias"][level] if settings["levelBias"] else none
        finished = (position + 1) // arity**level
        waits = disjoint and level < highest
        for back in range(arity - 1 if waits else 1):
            node = finished - 1 - back
            seen = (back < finished % arity) if waits else node >= 0
            for bank in range(settings["banks"] if level else 1):
                for slot in range(nodes.shape[3]):
                    add(nodes[:, bank, node.clamp(min=0), slot], seen, bias)
        whole = nodes.shape[2] // arity
        if whole == 0:
            break
        children = grow(settings, weights, prefix, nodes)[:, :, : whole * arity].unflatten(2, (whole, arity))
        nodes = summarize(settings, weights, prefix + "summarizer.", children)
    for back in range(1, settings["window"] + 1):
        bias = weights[prefix + "window_bias"][back - 1] if settings["windowBias"] else none
        add(y[:, (position - back).clamp(min=0)], position >= back, bias)
    if settings["pinned"]:
        score = F.linear(y, weights[prefix + "pinning.score.weight"], weights[prefix + "pinning.score.bias"])[..., 0]
        places = torch.tensor([pinned_tokens(row, settings["pinned"]) for row in score.tolist()])  # [B, L, p]
        rows = torch.arange(batch)[:, None]
        for place in range(settings["pinned"]):
            token = places[:, :, place]
            gate = F.logsigmoid(score[rows, token.clamp(min=0)])
            add(y[rows, token.clamp(min=0)], token >= 0, gate[..., None])
    return torch.stack(slots, dim=2), torch.stack(present, dim=2), torch.stack(biases, dim=2)


def pinned_tokens(scores, places):
    """For every position the tokens with the highest scores before it, -1 for an empty place."""
    pinned, views = [-1] * places, []
    for token, score in enumerate(scores):
        views.append(list(pinned))
        worst = min(range(places), key=lambda place: scores[pinned[place]] if pinned[place] >= 0 else -float("inf"))
        if pinned[worst] < 0 or score > scores[pinned[worst]]:
            pinned[worst] = token
    return views


def single_vector_attention(settings, weights, prefix, y, slots, present, biases):
    """Every slot gives a query and a value, the current position gives the one key."""
    heads = (settings["heads"], y.shape[-1] // settings["heads"])
    wq, wk, wv = weights[prefix + "qkv.weight"].chunk(3)
    bq, bk, bv = weights[prefix + "qkv.bias"].chunk(3)
    q = F.linear(slots, wq, bq).unflatten(-1, heads)  # [B, L, S, H, D]
    v = F.linear(slots, wv, bv).unflatten(-1, heads)
    k = F.linear(y, wk, bk).unflatten(-1, heads)  # [B, L, H, D]
    scores = torch.einsum("blshd,blhd->blsh", q, k) / heads[1] ** 0.5 + biases
    scores = scores.masked_fill(~present[..., None], -torch.inf)
    return torch.einsum("blsh,blshd->blhd", scores.softmax(dim=2), v).flatten(-2)


def output(settings, weights, prefix, y):
    """[B, L, E] -> [B, L, E], and no router logits."""
    attended = single_vector_attention(settings, weights, prefix, y, *visible_slots(settings, weights, prefix, y))
    return F.linear(attended, weights[prefix + "out_proj.weight"], weights[prefix + "out_proj.bias"]), None


def draw(settings, drawing, prefix, width):
    banks, arity = settings["banks"], settings["arity"]
    summarizer = prefix + "summarizer."
    if settings["summarizer"] == "linear":
        both = arity * width
        drawing.affine(summarizer, banks, both, width, bias=(1, banks, 1, width), fan_in=both)
    elif settings["summarizer"] == "depthwiseSeparable":
        drawing.affine(summarizer + "depthwise.", banks, width, arity, bias=(banks, width), fan_in=arity)
        drawing.affine(summarizer + "pointwise.", banks, width, width, bias=(banks, width), fan_in=width)
    else:
        inputs = width if settings["summarizer"] == "convGrouped" else banks * width
        shape = (banks * width, inputs, arity)
        drawing.affine(summarizer + "conv.", *shape, bias=banks * width, fan_in=arity * inputs)
    if settings["expand"]:
        taps = 1 + settings["expand"]
        expander = prefix + "expander.conv_transpose."
        drawing.affine(expander, width, width, taps, bias=width, fan_in=taps * width)
    if settings["levelBias"]:
        drawing.normal(prefix + "level_bias", settings["maximumLevels"] + 1, settings["heads"])
    if settings["windowBias"]:
        drawing.normal(prefix + "window_bias", settings["window"], settings["heads"])
    if settings["pinned"]:
        drawing.affine(prefix + "pinning.score.", 1, width, bias=1, fan_in=1)
    drawing.affine(prefix + "qkv.", 3 * width, width, bias=3 * width, fan_in=width)
    drawing.affine(prefix + "out_proj.", width, width, bias=width, fan_in=width)
