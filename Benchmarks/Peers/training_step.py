"""The table-1 training step (71,489 parameters, float32, AdamW) in PyTorch: what LMN's own step is compared with.

    python3 Benchmarks/Peers/training_step.py [--steps 20] [--batch 16] [--length 512]

Two formulations of the same function, each timed in a process of its own; one JSON line each:

    slots  as published: lays out every slot of every position, [B, L, 1 + K log2 L, E], and projects every copy
    nodes  projects every node once and gathers queries and values for the attention

More than half of the time of such a step is page faults. Show both figures: as users run it (above), and with an
allocator that keeps its memory (glibc):

    MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=268435456 \\
        python3 Benchmarks/Peers/training_step.py

Run it on an otherwise idle machine (Linux). Before timing, both formulations are checked against each other.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import re
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

VOCAB, WIDTH, HEADS, LAYERS, BANKS, FEED_FORWARD = 65, 32, 4, 4, 2, 4
PARAMETERS = 71_489
FORMULATIONS = ("slots", "nodes")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.RMSNorm(WIDTH)
        self.norm2 = nn.RMSNorm(WIDTH)
        self.merge = nn.Parameter(torch.randn(BANKS, 2 * WIDTH, WIDTH) / (2 * WIDTH) ** 0.5)
        self.merge_bias = nn.Parameter(torch.zeros(BANKS, 1, WIDTH))
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        self.feedforward = nn.Sequential(
            nn.Linear(WIDTH, FEED_FORWARD * WIDTH), nn.SiLU(), nn.Linear(FEED_FORWARD * WIDTH, WIDTH)
        )

    def levels(self, y):
        """The tree above level 0: a list of [B, K, n, E]."""
        nodes, levels = y[:, None].expand(-1, BANKS, -1, -1), []
        while nodes.shape[2] >= 2:
            pairs = nodes.shape[2] // 2
            pairs = nodes[:, :, : 2 * pairs].reshape(len(y), BANKS, pairs, 2 * WIDTH)
            nodes = pairs @ self.merge + self.merge_bias
            levels.append(nodes)
        return levels

    def project_slots(self, y, present, index):
        """Lays out the slots and projects every copy to query, key and value; only the position's own key is used."""
        slots = [y[:, :, None]]
        for i, nodes in enumerate(self.levels(y), start=1):  # node j is seen from (j + 1) 2^i - 1 on, 2^i times
            seen = F.pad(nodes.repeat_interleave(2**i, dim=2), (0, 0, 2**i - 1, 0))[:, :, : y.shape[1]]
            slots.append(seen.transpose(1, 2))
        q, k, v = self.qkv(torch.cat(slots, dim=2)).chunk(3, dim=-1)
        return q, k[:, :, 0], v

    def project_nodes(self, y, present, index):
        """Projects every token and every node once, then gathers."""
        k = F.linear(y, self.qkv.weight[WIDTH : 2 * WIDTH], self.qkv.bias[WIDTH : 2 * WIDTH])
        nodes = torch.cat([y] + [nodes.flatten(1, 2) for nodes in self.levels(y)], dim=1)
        q, v = (
            F.linear(nodes, self.qkv.weight[rows], self.qkv.bias[rows])
            .index_select(1, index.flatten())
            .unflatten(1, index.shape)
            for rows in (slice(0, WIDTH), slice(2 * WIDTH, 3 * WIDTH))
        )
        return q, k, v

    def forward(self, x, formulation, present, index):
        project = self.project_slots if formulation == "slots" else self.project_nodes
        q, k, v = (z.unflatten(-1, (HEADS, -1)) for z in project(self.norm1(x), present, index))
        scores = torch.einsum("blshd,blhd->blhs", q, k) / (WIDTH // HEADS) ** 0.5
        weights = scores.masked_fill(~present[:, None], -torch.inf).softmax(dim=-1)
        x = x + self.out_proj(torch.einsum("blhs,blshd->blhd", weights, v).flatten(-2))
        return x + self.feedforward(self.norm2(x))


class Model(nn.Module):
    def __init__(self, formulation):
        super().__init__()
        self.formulation = formulation
        self.embedding = nn.Embedding(VOCAB, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCAB)

    def loss(self, inputs, targets):
        present, index = visibility(inputs.shape[1])
        x = self.embedding(inputs)
        for block in self.blocks:
            x = block(x, self.formulation, present, index)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


def visibility(length):
    """For every position and slot [L, S]: is it present, and which row of (tokens, level 1, level 2, ...) is it."""
    seen, row = torch.arange(1, length + 1), length
    index = [seen - 1]
    present = [seen > 0]
    for level in range(1, length.bit_length()):
        for _ in range(BANKS):
            newest = (seen >> level) - 1
            present.append(newest >= 0)
            index.append(row + newest.clamp(min=0))
            row += length >> level
    return torch.stack(present, dim=1), torch.stack(index, dim=1)


def setup(formulation, batch, length):
    torch.manual_seed(1)
    model = Model(formulation)
    tokens = torch.randint(VOCAB, (2, batch, length))
    return model, tokens


def agreement(length):
    """The largest difference of loss and gradients between the formulations, relative to a tensor's largest value."""
    results = []
    for formulation in FORMULATIONS:
        model, tokens = setup(formulation, 2, length)
        assert sum(p.numel() for p in model.parameters()) == PARAMETERS
        loss = model.loss(*tokens)
        results.append([loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))])
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*results))


def measure(formulation, steps, batch, length):
    model, tokens = setup(formulation, batch, length)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    times = []
    for _ in range(2 + steps):  # the first two warm up
        start = time.perf_counter()
        optimizer.zero_grad()
        model.loss(*tokens).backward()
        optimizer.step()
        times.append(1e3 * (time.perf_counter() - start))
    median = statistics.median(times[2:])
    with open("/proc/self/status") as status:
        peak = int(re.search(r"VmHWM:\s*(\d+) kB", status.read())[1]) / 1024
    return {
        "formulation": formulation,
        "tuned_malloc": "MALLOC_MMAP_THRESHOLD_" in os.environ,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "batch": batch,
        "length": length,
        "steps": steps,
        "median_ms": round(median, 1),
        "minimum_ms": round(min(times[2:]), 1),
        "tokens_per_second": round(1e3 * batch * length / median),
        "peak_rss_mib": round(peak),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=512)
    arguments = parser.parse_args()

    def isolated(function, *values):  # in a fresh process, so that peak memory is its own
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
            return pool.submit(function, *values).result()

    error = isolated(agreement, arguments.length)
    assert error < 1e-4, f"the formulations differ by {error:.1e}"
    for formulation in FORMULATIONS:
        line = isolated(measure, formulation, arguments.steps, arguments.batch, arguments.length)
        print(json.dumps(line | {"agreement": error}), flush=True)


if __name__ == "__main__":
    main()
