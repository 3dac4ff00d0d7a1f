"""One measurement per process, so that peak memory and allocator settings are its own. Started by `peers.py`.

    python3 Benchmarks/Peers/measurement.py WORK PEER     prints one JSON line: times, or the reason for skipping it
    python3 Benchmarks/Peers/measurement.py WORK check    the largest difference between formulations, or, of
                                                          a single one, between its parallel and sequential form
"""

import argparse
import dataclasses
import itertools
import json
import os
import resource
import statistics
import sys
import time

import torch

import gpt2
import works
from attention import Attention
from linear_memory import LinearMemory
from logarithmic_memory import LogarithmicMemory
from mixture_of_memories import MixtureOfMemories
from network import Decoder, Network
from slot_memory import SlotMemory

CHECKED_LENGTH = 100  # not a power of two; more levels would add no cases
CHUNK = 64  # tokens timed together, since tokens complete different numbers of nodes


def memory(shape, peer):
    if peer == "linear":
        return LinearMemory(shape.width, shape.heads)
    if peer == "mixture":
        return MixtureOfMemories(shape.width, shape.heads, shape.memories, shape.top)
    if peer == "attention":
        return Attention(shape.width, shape.heads)
    if peer == "slotMemory":
        return SlotMemory(shape.width, shape.heads, shape.slots, shape.segment)
    return LogarithmicMemory(shape, "nodes" if peer == "sequential" else peer)


def model(work, peer):
    if peer == "gpt2":
        return gpt2.GPT2(work.shape, work.length)
    return Network(work.shape, [memory(work.shape, peer) for _ in range(work.shape.layers)])


def decoder(work, peer, network, length):
    return (gpt2.Decoder if peer == "gpt2" else Decoder)(network, work.batch, length)


def random_tokens(work, *shape):
    return torch.randint(work.shape.vocabulary, shape)


def parallel_agreement(work):
    """The largest difference of loss and gradients between formulations, relative to a tensor's largest value."""
    results = []
    for peer in works.PARALLEL:
        torch.manual_seed(1)
        network = model(work, peer)
        value = network.loss(*random_tokens(work, 2, 2, CHECKED_LENGTH))
        results.append([value.detach(), *torch.autograd.grad(value, list(network.parameters()))])
    return max(
        ((a - b).abs().max() / b.abs().max()).item()
        for one, other in itertools.combinations(results, 2)
        for a, b in zip(one, other)
    )


def decoding_agreement(work):
    """The largest difference between logits in parallel and sequential form, relative to the largest logit."""
    differences = []
    for peer in work.peers:
        torch.manual_seed(1)
        network = model(work, peer)
        tokens = random_tokens(work, work.batch, CHECKED_LENGTH)
        streams = decoder(work, peer, network, CHECKED_LENGTH)
        one_by_one = torch.stack([streams.step(column) for column in tokens.unbind(1)], dim=1)
        with torch.inference_mode():
            whole = network(tokens)
        differences.append(((one_by_one - whole).abs().max() / whole.abs().max()).item())
    return max(differences)


def training(work, peer):
    """Training step: forward, backward, AdamW. Returns the function to time and the steps that it takes."""
    network = model(work, peer)
    inputs, targets = random_tokens(work, 2, work.batch, work.length)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01, fused=True)

    def step():
        optimizer.zero_grad()
        network.loss(inputs, targets).backward()
        optimizer.step()

    return step, 1


def decoding(work, peer):
    """`CHUNK` decode steps with given tokens. Returns the function to time and the steps that it takes."""
    streams = decoder(work, peer, model(work, peer), work.length)
    tokens = iter(random_tokens(work, work.length, work.batch))
    for column in itertools.islice(tokens, work.start):
        streams.step(column)

    def chunk():
        for column in itertools.islice(tokens, CHUNK):
            streams.step(column)

    return chunk, CHUNK


def layer(work, peer):
    """Forward pass of one block, without a graph. Returns the function to time and the steps that it takes."""
    block = model(dataclasses.replace(work, length=1), peer).blocks[0]
    x = torch.randn(1, work.length, work.shape.width)

    @torch.inference_mode()
    def forward():
        block(x)

    return forward, 1


def measure(work, peer, iterations, seconds):
    """Times up to `iterations` iterations; stops before one that would probably exceed `seconds` in all."""
    began = time.perf_counter()
    body, repetitions = {"training": training, "decoding": decoding, "layer": layer}[work.kind](work, peer)
    warm_up = min(2, iterations)
    wanted = warm_up + iterations
    if work.kind == "decoding":
        wanted = min(wanted, (work.length - work.start) // CHUNK)
    times = []
    while len(times) < wanted and (not times or time.perf_counter() - began + times[-1] < seconds):
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    times = [total / repetitions for total in times[warm_up:] or times[-1:]]
    median = statistics.median(times)
    tokens = work.batch if work.kind == "decoding" else work.batch * work.length
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes, Linux KiB
    return {
        "iterations": len(times),
        "median": median,
        "minimum": min(times),
        "tokensPerSecond": tokens / median,
        "peakMemoryMiB": memory / 2 ** (20 if sys.platform == "darwin" else 10),
    }


def limit_memory(gigabytes):
    """Makes allocations beyond the limit fail (Linux only); the need of autograd is hard to predict."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (int(gigabytes * 2**30),) * 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("peer", choices=[*works.PEERS, "check"])
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--memory", type=float, default=12, help="GiB")
    arguments = parser.parse_args()
    work = works.work(arguments.work)
    torch.set_num_threads(work.threads)
    torch.set_flush_denormal(True)  # products of strong decays are denormal, and slow
    limit_memory(arguments.memory)

    if arguments.peer == "check":
        several = set(works.PARALLEL) <= set(work.peers)
        agreement = parallel_agreement(work) if several else decoding_agreement(work)
        print(json.dumps({"work": work.id, "agreement": agreement}))
        return

    torch.manual_seed(1)
    try:
        result = measure(work, arguments.peer, arguments.iterations, arguments.seconds)
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error) and "bad_alloc" not in str(error):
            raise
        result = {"skipped": f"needs more than {arguments.memory:g} GiB"}
    line = {
        "work": work.id,
        "peer": arguments.peer,
        "tunedMalloc": "MALLOC_MMAP_THRESHOLD_" in os.environ,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    print(json.dumps(line | result))


if __name__ == "__main__":
    main()
