"""Slot memory in PyTorch: slots go segment by segment, all else is computed for the whole sequence at once."""

import torch
import torch.nn.functional as F
from torch import nn

from network import RMS_EPSILON, Memory


class SlotMemory(Memory):
    def __init__(self, width, heads, slots, segment, temperature=0.25):
        super().__init__()
        self.heads, self.slots, self.segment = heads, slots, segment
        self.scale = 1 / ((width // heads) ** 0.5 * temperature)
        self.qkv = nn.Linear(width, 3 * width)
        self.position_bias = nn.Parameter(torch.zeros(heads, segment))
        self.out_proj = nn.Linear(width, width)
        self.write = nn.Linear(width, 3 * width, bias=False)
        self.forgetting = nn.Parameter(0.16 * torch.randn(slots, width))

    def split(self, x, parts):
        """[..., n, parts E] -> `parts` tensors [..., H, n, D]."""
        return x.unflatten(-1, (parts, self.heads, -1)).movedim((-3, -2), (0, -3)).unbind(0)

    def slot_kv(self, memory):
        """Keys and values with which slots [..., k, E] are read."""
        width = memory.shape[-1]
        return self.split(F.linear(memory, self.qkv.weight[width:], self.qkv.bias[width:]), 2)

    def token_kv(self, tokens):
        """Keys and values with which tokens [..., n, E] rewrite slots."""
        width = tokens.shape[-1]
        return self.split(F.linear(tokens, self.write.weight[width:]), 2)

    def initial(self, batch):
        return F.rms_norm(self.forgetting, self.forgetting.shape[-1:], eps=RMS_EPSILON).expand(batch, -1, -1)

    def rewritten(self, memory, keys, values):
        """Slots [B, k, E] after a segment, whose keys and values are [B, H, S, D]."""
        width = memory.shape[-1]
        q, own = self.split(F.linear(memory, self.write.weight[: 2 * width]), 2)
        scores = torch.cat([(q * own).sum(-1, keepdim=True), q @ keys.mT], dim=-1)
        p = (scores * self.scale).softmax(dim=-1)
        (kept,) = self.split(memory, 1)
        mixed = p[..., :1] * kept + p[..., 1:] @ values
        u = mixed.transpose(1, 2).flatten(-2) + self.forgetting
        return F.rms_norm(u, (width,), eps=RMS_EPSILON)

    def bias(self):
        """Additive mask [H, S, k + S]: biases by distance, no later tokens."""
        t = torch.arange(self.segment)
        distance = t[:, None] - t
        bias = self.position_bias[:, distance.clamp(min=0)].masked_fill(distance < 0, -torch.inf)
        return F.pad(bias, (self.slots, 0))

    def forward(self, y):
        batch, length, width = y.shape
        missing = -length % self.segment
        y = F.pad(y, (0, 0, 0, missing)).unflatten(1, (-1, self.segment))  # [B, G, S, E]
        q, k, v = self.split(self.qkv(y), 3)
        memory = [self.initial(batch)]
        keys, values = self.token_kv(y[:, :-1])
        for segment_keys, segment_values in zip(keys.unbind(1), values.unbind(1)):
            memory.append(self.rewritten(memory[-1], segment_keys, segment_values))
        slot_keys, slot_values = self.slot_kv(torch.stack(memory, dim=1))
        k, v = torch.cat([slot_keys, k], dim=-2), torch.cat([slot_values, v], dim=-2)
        # Fused attention takes four dimensions.
        q, k, v = (x.flatten(0, 1) for x in (q, k, v))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=self.bias())
        attended = attended.transpose(1, 2).reshape(batch, -1, width)[:, :length]
        return self.out_proj(attended)

    def streams(self, batch, length):
        return Streams(self, batch)


class Streams:
    """Caches of slots and the open segment are preallocated; attention reads their filled part."""

    def __init__(self, memory, batch):
        self.memory, self.position = memory, 0
        width = memory.qkv.in_features
        places = memory.slots + memory.segment
        self.keys, self.values = torch.zeros(2, batch, memory.heads, places, width // memory.heads)
        self.write_keys, self.write_values = torch.zeros(
            2, batch, memory.heads, memory.segment, width // memory.heads
        )
        self.bias = memory.bias()[None].detach()
        self.load(memory.initial(batch))

    def load(self, slots):
        self.slots = slots
        count = self.memory.slots
        self.keys[:, :, :count], self.values[:, :, :count] = self.memory.slot_kv(slots)

    def step(self, y):
        memory, place = self.memory, self.position % self.memory.segment
        self.position += 1
        q, k, v = memory.split(memory.qkv(y[:, None]), 3)
        own, filled = memory.slots + place, slice(0, memory.slots + place + 1)
        self.keys[:, :, own], self.values[:, :, own] = k[:, :, 0], v[:, :, 0]
        write_keys, write_values = memory.token_kv(y[:, None])
        self.write_keys[:, :, place], self.write_values[:, :, place] = write_keys[:, :, 0], write_values[:, :, 0]
        attended = F.scaled_dot_product_attention(
            q, self.keys[:, :, filled], self.values[:, :, filled], attn_mask=self.bias[:, :, place : place + 1, filled]
        )
        if place + 1 == memory.segment:
            self.load(memory.rewritten(self.slots, self.write_keys, self.write_values))
        return memory.out_proj(attended.reshape(y.shape))
