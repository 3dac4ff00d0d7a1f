"""The linear memory by definition, token by token.

B batch, L length, E width, H heads, d_k and d_v their key and value widths, K = H d_k, V = H d_v.
"""

import torch
import torch.nn.functional as F

REQUIRED = ("rule", "heads", "keyWidth", "valueWidth")
OPTIONS = {
    "featureMap": "identity", "normalize": True, "convolution": 4, "outputGate": True, "decayRank": 16,
    "decayNormalizer": 16,
}
EPSILON = 1e-6
DELTA_RULES = ("delta", "gatedDelta")
FEATURE_MAPS = {"identity": lambda x: x, "relu": F.relu, "elu": lambda x: F.elu(x) + 1}


class OneMemory:
    """A memory during one row of a batch: its state and the projections that it received."""

    def __init__(self, settings, weights, prefix, projections):
        """`projections` is the number of its set of weights."""
        self.settings, self.weights, self.prefix, self.projections = settings, weights, prefix, projections
        self.heads = settings["heads"]
        shape = (self.heads, settings["keyWidth"], settings["valueWidth"])
        self.state = self.weight("out_proj.weight").new_zeros(shape)
        self.received = {"query": [], "key": [], "value": []}

    def weight(self, name):
        return self.weights[self.prefix + name]

    def own_rows(self, name, count):
        """The rows of this memory's set; a set has `count` rows."""
        return self.weight(name)[self.projections * count : (self.projections + 1) * count]

    def convolved(self, kind, projection):
        """[K or V] -> the same: causal convolution per channel over the tokens that this memory received, silu."""
        taps = self.settings["convolution"]
        if taps == 0:
            return projection
        history = self.received[kind]
        history.append(projection)
        kernel, total = self.weight(kind + "_conv.weight"), 0
        for tap in range(taps):
            token = len(history) - taps + tap
            if token >= 0:
                total = total + kernel[:, tap] * history[token]
        return F.silu(total)

    def features(self, x):
        """[K] -> [H, d_k]"""
        x = FEATURE_MAPS[self.settings["featureMap"]](x.unflatten(0, (self.heads, -1)))
        if self.settings["normalize"]:
            x = x / ((x * x).sum(dim=-1, keepdim=True) + EPSILON).sqrt()
        return x

    def decay(self, y):
        """Factor of the state's rows, [H, 1] or [H, d_k]."""
        settings = self.settings
        if settings["rule"] == "gatedDelta":
            rate = F.softplus(self.own_rows("decay.weight", self.heads) @ y + self.weight("dt_bias"))
            return torch.exp(-self.weight("A_log").exp() * rate)[:, None]
        if settings["rule"] == "gatedLinear":
            keys = self.heads * settings["keyWidth"]
            inner = self.own_rows("decay_in.weight", settings["decayRank"]) @ y
            logits = self.own_rows("decay_out.weight", keys) @ inner + self.own_rows("decay_out.bias", keys)
            return torch.exp(F.logsigmoid(logits) / settings["decayNormalizer"]).unflatten(0, (self.heads, -1))
        return y.new_ones(self.heads, 1)

    def step(self, y):
        """Receives a token's vector [E]; returns what is read for it, [H, d_v]."""
        keys, values = (self.heads * self.settings[name] for name in ("keyWidth", "valueWidth"))
        q = self.features(self.convolved("query", self.weight("query.weight") @ y))
        k = self.features(self.convolved("key", self.own_rows("key.weight", keys) @ y))
        v = self.convolved("value", self.own_rows("value.weight", values) @ y).unflatten(0, (self.heads, -1))
        q = q * self.settings["keyWidth"] ** -0.5
        state = self.decay(y)[:, :, None] * self.state
        if self.settings["rule"] in DELTA_RULES:
            beta = torch.sigmoid(self.own_rows("beta.weight", self.heads) @ y)[:, None]
            v = beta * (v - torch.einsum("hk,hkv->hv", k, state))
        self.state = state + torch.einsum("hk,hv->hkv", k, v)
        return torch.einsum("hk,hkv->hv", q, self.state)


def finished(settings, weights, prefix, y, mixed):
    """The output [E] for a token's vector [E] and what was read from the memories, [H, d_v]."""
    normalized = mixed / ((mixed * mixed).mean(dim=-1, keepdim=True) + EPSILON).sqrt()
    result = (normalized * weights[prefix + "output_norm.weight"]).flatten()
    if settings["outputGate"]:
        result = result * F.silu(weights[prefix + "gate.weight"] @ y)
    return weights[prefix + "out_proj.weight"] @ result


def output(settings, weights, prefix, y):
    """[B, L, E] -> [B, L, E], and no router logits."""
    rows = []
    for row in y:
        memory = OneMemory(settings, weights, prefix, 0)
        rows.append([finished(settings, weights, prefix, token, memory.step(token)) for token in row])
    return torch.stack([torch.stack(row) for row in rows]), None


def draw(settings, drawing, prefix, width, sets=1):
    heads, taps, rule = settings["heads"], settings["convolution"], settings["rule"]
    keys, values = heads * settings["keyWidth"], heads * settings["valueWidth"]
    for name, count in (("query", keys), ("key", sets * keys), ("value", sets * values)):
        drawing.matrix(f"{prefix}{name}.weight", count, width, fan_in=width)
    if rule in DELTA_RULES:
        drawing.matrix(prefix + "beta.weight", sets * heads, width, fan_in=width)
    if rule == "gatedDelta":
        drawing.matrix(prefix + "decay.weight", sets * heads, width, fan_in=width)
        # From a head that forgets at once to one that hardly does.
        drawing.weights[prefix + "A_log"] = torch.linspace(3, -2, heads)
        drawing.normal(prefix + "dt_bias", heads, deviation=0.5)
    if rule == "gatedLinear":
        rank = settings["decayRank"]
        drawing.matrix(prefix + "decay_in.weight", sets * rank, width, fan_in=width)
        drawing.affine(prefix + "decay_out.", sets * keys, rank, bias=sets * keys, fan_in=rank)
    if taps:
        for name, count in (("query", keys), ("key", keys), ("value", values)):
            drawing.matrix(f"{prefix}{name}_conv.weight", count, taps, fan_in=taps)
    if settings["outputGate"]:
        drawing.matrix(prefix + "gate.weight", values, width, fan_in=width)
    drawing.gain(prefix + "output_norm.weight", settings["valueWidth"])
    drawing.matrix(prefix + "out_proj.weight", width, values, fan_in=values)
