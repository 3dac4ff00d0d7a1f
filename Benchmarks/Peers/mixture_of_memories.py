"""The mixture of memories with the gated delta rule in PyTorch: tokens gathered by memory, chunk-parallel; decoding.

A segment is the run of tokens of one row that one memory receives, in their order. Segments are packed one after the
other, each after W - 1 zeros, for the projections and the convolution; then they are cut into chunks of C, and only the
last chunk of a segment is padded.

B batch, L length, E width, H heads, D = E / H, N chunks, M memories with a router, G = M + 1 with the shared one, which
is the last; W taps of the short convolution.
"""

import torch
import torch.nn.functional as F
from torch import nn

from linear_memory import CHUNK, TAPS, LinearMemory, gated_delta_rule, recurrence


class Layout:
    """Rows of tokens that are gathered by memory, packed and in chunks.

    received    whether a memory receives a token, [G, B, L]
    source      token of every packed row; B L for a row of zeros
    memories    number of packed rows of every memory
    rows        packed row of every row of the chunks, [N C]; 0 for padding
    valid       whether a row of the chunks is a token, [N, C]
    active      number of chunks at every place, for `gated_delta_rule`
    places      for every token, its rows of the chunks, [B L, k + 1], by ascending memory
    """

    def __init__(self, received):
        sets, batch, length = received.shape
        self.received = received
        counts = received.sum(dim=-1).flatten()  # per segment
        memory, row, time = received.nonzero().unbind(1)
        segment = memory * batch + row
        starts = counts.cumsum(0) - counts
        index = torch.arange(len(segment)) - starts[segment]  # within its segment
        packed = torch.arange(len(segment)) + (TAPS - 1) * (segment + 1)
        self.source = torch.full((len(segment) + (TAPS - 1) * len(counts),), batch * length)
        self.source[packed] = row * length + time
        self.memories = (counts.view(sets, batch).sum(dim=1) + (TAPS - 1) * batch).tolist()
        chunks = (counts + CHUNK - 1) // CHUNK
        order = chunks.argsort(descending=True, stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        active = (chunks[:, None] > torch.arange(int(chunks.max()))).sum(dim=0)
        self.active = active.tolist()
        places = ((active.cumsum(0) - active)[index // CHUNK] + rank[segment]) * CHUNK + index % CHUNK
        self.rows = torch.zeros(int(active.sum()) * CHUNK, dtype=torch.long)
        self.rows[places] = packed
        self.valid = torch.zeros(len(self.rows), dtype=torch.bool)
        self.valid[places] = True
        self.valid = self.valid.view(-1, CHUNK)
        table = torch.zeros(received.shape, dtype=torch.long)
        table[received] = places
        self.places = self.of_tokens(table).view(batch * length, -1)

    def of_tokens(self, table):
        """The entries of a table [G, B, L] for the memories that receive a token, by token."""
        return table.permute(1, 2, 0)[self.received.permute(1, 2, 0)]


class MixtureOfMemories(LinearMemory):
    def __init__(self, width, heads, memories, top):
        super().__init__(width, heads, memories + 1)
        self.top = top
        self.router = nn.Linear(width, memories, bias=False)

    def route(self, y):
        """The chosen memories and their weights [..., k], and the probabilities of all [..., M]."""
        logits = self.router(y)
        best = logits.topk(self.top)
        return best.indices, best.values.softmax(dim=-1), logits.softmax(dim=-1)

    def forward(self, y):
        batch, length, width = y.shape
        chosen, weights, probabilities = self.route(y)
        received = torch.zeros_like(probabilities, dtype=torch.bool).scatter(-1, chosen, True)
        shares = received.to(y.dtype).mean(dim=1)
        self.balance = (shares * probabilities.mean(dim=1)).sum(dim=-1).mean() * self.router.out_features
        layout = Layout(F.pad(received, (0, 1), value=True).permute(2, 0, 1))

        def packed(x):
            """[B, L, E] -> [rows, E]"""
            return F.pad(x.flatten(0, 1), (0, 0, 0, 1)).index_select(0, layout.source)

        vectors = packed(y).split(layout.memories)
        key_values = torch.cat([F.linear(x, w[: 2 * width]) for x, w in zip(vectors, self.memories)])
        gates = torch.cat([F.linear(x, w[2 * width :]) for x, w in zip(vectors, self.memories)])

        def by_chunk(x):
            """[rows, H, ...] -> [N, H, C, ...]"""
            return x.index_select(0, layout.rows).unflatten(0, (-1, CHUNK)).transpose(1, 2).contiguous()

        q, k, v = (by_chunk(x[0]) for x in self.features(packed(self.query(y))[None], key_values[None]))
        beta, g = (by_chunk(x) * layout.valid[:, None] for x in self.gates(gates))
        read = gated_delta_rule(q, k, v, beta, g, layout.active).transpose(1, 2).reshape(-1, width)
        table = torch.zeros_like(probabilities).scatter(-1, chosen, weights)
        weights = layout.of_tokens(F.pad(table, (0, 1), value=1).permute(2, 0, 1)).view(layout.places.shape)
        mixed = F.embedding_bag(layout.places, read, mode="sum", per_sample_weights=weights)
        return self.finish(y, mixed.view(batch, length, self.heads, -1))

    def streams(self, batch, length):
        return Streams(self, batch)


class Streams:
    """States [B, G, H, D, D], and the last W projections that every memory received, [B, G, W, 3 E]."""

    def __init__(self, memory, batch):
        self.memory = memory
        head, sets = memory.width // memory.heads, len(memory.memories)
        self.states = torch.zeros(batch, sets, memory.heads, head, head)
        self.histories = torch.zeros(batch, sets, TAPS, 3 * memory.width)
        self.rows = torch.arange(batch)[:, None]
        self.weights = torch.cat([memory.query.weight.expand(sets, -1, -1), memory.memories], dim=1)
        self.taps = torch.cat([memory.query_conv, memory.key_value_conv]).T

    def step(self, y):
        chosen, weights, _ = self.memory.route(y)
        places = self.rows, F.pad(chosen, (0, 1), value=len(self.memory.memories) - 1)
        weights = F.pad(weights, (0, 1), value=1)
        projections = (self.weights[places[1]] @ y[:, None, :, None])[..., 0]
        projections, gates = projections.split([self.histories.shape[-1], 2 * self.memory.heads], dim=-1)
        history = torch.cat([self.histories[places][:, :, 1:], projections[:, :, None]], dim=2)
        self.histories[places] = history
        q, k, v = self.memory.by_head(*F.silu((history * self.taps).sum(dim=2)).chunk(3, dim=-1))
        read, self.states[places] = recurrence(q, k, v, *self.memory.gates(gates), self.states[places])
        return self.memory.finish(y, (weights[..., None, None] * read).sum(dim=1))
