"""Blocks of a network by definition, between any embedding and any head: configuration, results and random weights."""

import torch
import torch.nn.functional as F

from memories import attention, linear, logarithmic, mixture_of_memories, slots, state_space

KINDS = {
    "logarithmic": logarithmic,
    "linear": linear,
    "mixtureOfMemories": mixture_of_memories,
    "attention": attention,
    "stateSpace": state_space,
    "slots": slots,
}
REQUIRED = ("vocab", "width", "layers", "feedForward")
OPTIONS = {
    "activation": "silu", "positions": "none", "maximumLength": None, "tiedHead": False, "balanceScale": 0.01,
    "memory": None, "memories": None,
}
RMS_EPSILON = 1.1920929e-07


def with_defaults(keys, required, options):
    unknown, missing = keys.keys() - {*required, *options}, set(required) - keys.keys()
    assert not unknown and not missing, f"unknown keys {sorted(unknown)}, missing keys {sorted(missing)}"
    return options | keys


def configured(config):
    """The keys of the model, and per block the kind and the keys of its memory, all with their defaults."""
    top = {key: value for key, value in config.items() if key in REQUIRED or key in OPTIONS}
    others = {key: value for key, value in config.items() if key not in top}
    model = with_defaults(top, REQUIRED, OPTIONS)
    if has_kinds(config):
        assert not others, f"unknown keys {sorted(others)}"
        memories = model["memories"] or [model["memory"]] * model["layers"]
    else:
        memories = [{"kind": "logarithmic"} | others] * model["layers"]
    assert len(memories) == model["layers"]
    blocks = []
    for memory in memories:
        kind = KINDS[memory["kind"]]
        keys = {key: value for key, value in memory.items() if key != "kind"}
        blocks.append((kind, with_defaults(keys, kind.REQUIRED, kind.OPTIONS)))
    return model, blocks


def has_kinds(config):
    return "memory" in config or "memories" in config


def positions(config, weights, length):
    """What is added to the embedded tokens [B, L, E]: a vector per position [L, E]."""
    if config["positions"] == "none":
        return 0
    if config["positions"] == "learned":
        return weights["position_embedding_table.weight"][:length]
    position = torch.arange(length, dtype=torch.float64)[:, None]
    feature = torch.arange(config["width"], dtype=torch.float64)
    angle = position / 10_000 ** (feature // 2 * 2 / config["width"])
    return torch.where(feature % 2 == 0, angle.sin(), angle.cos())


def output(config, weights, x):
    """Vectors [B, L, E] -> [B, L, E], and the logits of every router with the settings of its memory."""

    def affine(name, x):
        return F.linear(x, weights[name + ".weight"], weights[name + ".bias"])

    config, memories = configured(config)
    activation = {"silu": F.silu, "gelu": F.gelu, "relu": F.relu}[config["activation"]]
    width, routers = [config["width"]], []
    x = x + positions(config, weights, x.shape[1])
    for layer, (kind, settings) in enumerate(memories):
        block = f"blocks.{layer}."
        y = F.rms_norm(x, width, weights[block + "norm1.weight"], RMS_EPSILON)
        remembered, router_logits = kind.output(settings, weights, block, y)
        if router_logits is not None:
            routers.append((settings, router_logits))
        x = x + remembered
        y = F.rms_norm(x, width, weights[block + "norm2.weight"], RMS_EPSILON)
        x = x + affine(block + "feedforward.2", activation(affine(block + "feedforward.0", y)))
    return F.layer_norm(x, width, weights["ln_f.weight"], weights["ln_f.bias"], 1e-5), routers


def draw(config, drawing):
    config, memories = configured(config)
    width, hidden = config["width"], config["feedForward"] * config["width"]
    if config["positions"] == "learned":
        drawing.normal("position_embedding_table.weight", config["maximumLength"], width)
    for layer, (kind, settings) in enumerate(memories):
        block = f"blocks.{layer}."
        drawing.gain(block + "norm1.weight", width)
        drawing.gain(block + "norm2.weight", width)
        kind.draw(settings, drawing, block, width)
        drawing.affine(block + "feedforward.0.", hidden, width, bias=hidden, fan_in=width)
        drawing.affine(block + "feedforward.2.", width, hidden, bias=width, fan_in=hidden)
    drawing.gain("ln_f.weight", width)
    drawing.normal("ln_f.bias", width, deviation=0.2)
