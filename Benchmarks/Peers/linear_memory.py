"""The linear memory with the gated delta rule in PyTorch: chunk-parallel, and as a recurrence for decoding.

B batch, L length, E width, H heads, D = E / H the width of a key and of a value, C positions of a chunk, N chunks,
W taps of the short convolution.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from network import Memory

CHUNK = 32  # the fastest of 32, 64 and 128
TAPS = 4
EPSILON = 1e-6


class Inverse(torch.autograd.Function):
    """(I + A)^-1 of strictly lower triangular matrices. Reuses the result in the backward pass, with two products."""

    @staticmethod
    def forward(context, a):
        identity = torch.eye(a.shape[-1], dtype=a.dtype).expand_as(a)
        inverse = torch.linalg.solve_triangular(a, identity, upper=False, unitriangular=True)
        context.save_for_backward(inverse)
        return inverse

    @staticmethod
    def backward(context, gradient):
        (inverse,) = context.saved_tensors
        return -(inverse.mT @ gradient @ inverse.mT)


class ShortConvolution(torch.autograd.Function):
    """Causal convolution per channel: rows [B, L, channels], weight [channels, W] -> [B, L, channels].

    The backward pass of PyTorch's convolution takes several times as long on a CPU.
    """

    @staticmethod
    def forward(context, rows, weight):
        context.save_for_backward(rows, weight)
        return convolved(rows, weight, TAPS - 1)

    @staticmethod
    def backward(context, gradient):
        rows, weight = context.saved_tensors
        length = rows.shape[1]
        distances = range(TAPS - 1, -1, -1)  # from the token of a tap
        taps = [(gradient[:, by:] * rows[:, : length - by]).sum(dim=(0, 1)) for by in distances]
        # Of one row, the stride of the rows may be anything, and the convolution would then choose a slow layout.
        gradient = gradient.flatten().view(gradient.shape)
        return convolved(gradient, weight.flip(1), 0), torch.stack(taps, dim=1)


def convolved(rows, weight, before):
    """Depthwise convolution [B, L, channels] with `before` zeros before the first row, the others after the last."""
    channels, length = weight.shape[0], rows.shape[1]
    image = rows.transpose(1, 2)[:, :, None]  # of the layout that PyTorch calls channels last
    result = F.conv2d(image, weight[:, None, None], groups=channels, padding=(0, TAPS - 1))
    first = TAPS - 1 - before
    return result[:, :, 0, first : first + length].transpose(1, 2)


def normalized(x):
    return x * torch.rsqrt((x * x).sum(dim=-1, keepdim=True) + EPSILON)


def gated_delta_rule(q, k, v, beta, g, active):
    """Values read by the gated delta rule, [N, H, C, D].

    q, k, v [N, H, C, D]; beta and log decay g [N, H, C]. Chunks are ordered by place: the first ones of all sequences,
    then the second ones, and so on, the sequences always in one order, the longest first. `active` has the number of
    chunks at every place. All work within chunks is batched over all chunks and heads; only the update of the states
    goes from place to place.
    """
    heads, size, width = q.shape[1:]
    c = g.cumsum(dim=-1)
    above = torch.ones(size, size, dtype=torch.bool).triu(1)
    decay = (c[..., :, None] - c[..., None, :]).masked_fill(above, -torch.inf).exp()
    inverse = Inverse.apply((k @ k.mT * decay * beta[..., None]).tril(-1)) * beta[..., None, :]
    values, keys = inverse @ v, inverse @ (k * c.exp()[..., None])
    late = (k * (c[..., -1:] - c).exp()[..., None]).mT
    states, updates = [], []
    state = q.new_zeros(active[0] * heads, width, width)
    per_place = (x.flatten(0, 1).split([heads * count for count in active]) for x in (keys, values, late, c[..., -1:]))
    for k_place, v_place, late_place, c_place in zip(*per_place):
        state = state[: len(k_place)]
        update = torch.baddbmm(v_place, k_place, state, alpha=-1)
        states.append(state)
        updates.append(update)
        state = torch.baddbmm(state * c_place[..., None].exp(), late_place, update)
    states, updates = (torch.cat(x).unflatten(0, (-1, heads)) for x in (states, updates))
    return (q * c.exp()[..., None]) @ states + (q @ k.mT * decay) @ updates


class LinearMemory(Memory):
    """`sets` of the projections that memories of a mixture have of their own; one if there is only one memory."""

    def __init__(self, width, heads, sets=1):
        super().__init__()
        self.width, self.heads = width, heads
        self.query = nn.Linear(width, width, bias=False)
        rows = 2 * width + 2 * heads  # keys, values, beta, decay
        self.memories = nn.Parameter(torch.randn(sets, rows, width) / width**0.5)
        self.query_conv = nn.Parameter(torch.rand(width, TAPS) - 0.5)
        self.key_value_conv = nn.Parameter(torch.rand(2 * width, TAPS) - 0.5)
        self.A_log = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        step = torch.empty(heads).uniform_(math.log(1e-3), math.log(0.1)).exp()
        self.dt_bias = nn.Parameter(step + torch.log(-torch.expm1(-step)))
        self.gate = nn.Linear(width, width, bias=False)
        self.output_norm = nn.RMSNorm(width // heads, eps=EPSILON)
        self.out_proj = nn.Linear(width, width, bias=False)

    def forward(self, y):
        batch, length, width = y.shape
        chunks = -(-length // CHUNK)
        memory = self.memories[0]
        key_values = F.linear(y, memory[: 2 * width])
        beta, g = self.gates(F.linear(y, memory[2 * width :]))

        def by_chunk(x):
            """[B, L, H, ...] -> [n, B, H, C, ...], with zeros after the last position."""
            padding = [0, 0] * (x.dim() - 2) + [0, chunks * CHUNK - length]
            x = F.pad(x, padding) if padding[-1] else x
            return x.unflatten(1, (chunks, CHUNK)).transpose(0, 1).transpose(2, 3).flatten(0, 1)

        q, k, v = (by_chunk(x) for x in self.features(self.query(y), key_values))
        read = gated_delta_rule(q, k, v, by_chunk(beta), by_chunk(g), [batch] * chunks)
        read = read.transpose(1, 2).unflatten(0, (chunks, batch)).transpose(0, 1).flatten(1, 2)[:, :length]
        return self.finish(y, read)

    def features(self, queries, key_values):
        """Projections [B, L, E] and [B, L, 2 E] -> q, k and v [B, L, H, D]."""
        q = F.silu(ShortConvolution.apply(queries, self.query_conv))
        k, v = F.silu(ShortConvolution.apply(key_values, self.key_value_conv)).chunk(2, dim=-1)
        return self.by_head(q, k, v)

    def by_head(self, q, k, v):
        q, k, v = (x.unflatten(-1, (self.heads, -1)) for x in (q, k, v))
        return normalized(q) * q.shape[-1] ** -0.5, normalized(k), v

    def gates(self, projections):
        """[..., 2 H] -> beta and log decay, [..., H] each."""
        beta, decay = projections.chunk(2, dim=-1)
        return beta.sigmoid(), -self.A_log.exp() * F.softplus(decay + self.dt_bias)

    def finish(self, y, read):
        """The output for vectors [..., E] and what was read, [..., H, D]."""
        return self.out_proj(self.output_norm(read).flatten(-2) * F.silu(self.gate(y)))

    def streams(self, batch, length):
        return Streams(self, batch)


class Streams:
    """The state [B, H, D, D], and the last W projections of queries, keys and values, [B, W, 3 E]."""

    def __init__(self, memory, batch):
        self.memory = memory
        head = memory.width // memory.heads
        self.state = torch.zeros(batch, memory.heads, head, head)
        self.history = torch.zeros(batch, TAPS, 3 * memory.width)
        self.weight = torch.cat([memory.query.weight, memory.memories[0]])
        self.taps = torch.cat([memory.query_conv, memory.key_value_conv]).T

    def step(self, y):
        projections, gates = F.linear(y, self.weight).split([self.history.shape[-1], 2 * self.memory.heads], dim=-1)
        self.history = torch.cat([self.history[:, 1:], projections[:, None]], dim=1)
        q, k, v = self.memory.by_head(*F.silu((self.history * self.taps).sum(dim=1)).chunk(3, dim=-1))
        read, self.state = recurrence(q, k, v, *self.memory.gates(gates), self.state)
        return self.memory.finish(y, read)


def recurrence(q, k, v, beta, g, state):
    """A step: q, k, v [..., D], beta and g [...], state [..., D, D] -> what is read [..., D], and the new state."""
    state = state * g.exp()[..., None, None]
    k = k[..., None, :]
    state = state + k.mT @ (beta[..., None, None] * (v[..., None, :] - k @ state))
    return (q[..., None, :] @ state)[..., 0, :], state
