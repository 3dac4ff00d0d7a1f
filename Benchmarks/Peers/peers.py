"""Measures the model benchmarks of LMN in PyTorch; prints one JSON line per measurement.

    python3 Benchmarks/Peers/peers.py [--works training-71k ...] [--peers slots ...] [--iterations 20]

Every measurement runs in two processes: with default settings, and with an allocator that keeps its memory (glibc),
since page faults are more than half of the time of some steps. Before, formulations are checked against each other,
or the parallel form against the sequential one; `verify.py` checks against the definitions of the golden files.
A measurement beyond its limit of memory or time prints the reason instead of times.
Run it on an otherwise idle machine, with a python that has torch. `Benchmarks/run` runs it together with LMN.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import works

TUNED_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}
AGREEMENT = 1e-4
STARTING = 30  # seconds to import torch and to build the model, at most


def measurement(work, peer, tuned, arguments):
    """Result of one process, or the reason for its failure."""
    script = pathlib.Path(__file__).with_name("measurement.py")
    command = [sys.executable, str(script), work.id, peer]
    for option in ("iterations", "seconds", "memory"):
        command += [f"--{option}", str(getattr(arguments, option))]
    environment = {name: value for name, value in os.environ.items() if name not in TUNED_MALLOC}
    environment |= TUNED_MALLOC if tuned else {}
    try:
        process = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, timeout=arguments.seconds + STARTING
        )
    except subprocess.TimeoutExpired:
        return {"skipped": f"one iteration takes more than {arguments.seconds:g} s"}
    if process.returncode < 0:
        return {"skipped": f"ended by signal {-process.returncode}"}
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with code {process.returncode}")
    return json.loads(process.stdout)


def measurements(work, peers, arguments):
    """All lines of a benchmark."""
    check = measurement(work, "check", False, arguments)
    if not check.get("agreement", 1) < AGREEMENT:
        raise SystemExit(f"the formulations of {work.id} do not agree to {AGREEMENT:.0e}: {json.dumps(check)}")
    for peer in peers:
        for tuned in (False, True):
            line = {"work": work.id, "peer": peer, "tunedMalloc": tuned}
            line |= measurement(work, peer, tuned, arguments)
            if work.kind == "decoding" or peer != "gpt2":
                line |= check
            yield line
            if "skipped" in line:  # a tuned allocator would not bring it within the limits
                break


def main():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", nargs="+", metavar="WORK", default=[work.id for work in works.WORKS],
                        help="only these: " + ", ".join(work.id for work in works.WORKS))  # fmt: skip
    parser.add_argument("--peers", nargs="+", metavar="PEER", choices=works.PEERS, default=list(works.PEERS),
                        help="only these: " + ", ".join(works.PEERS))  # fmt: skip
    parser.add_argument("--iterations", type=int, default=20, help="timed runs of a measurement (20)")
    parser.add_argument("--seconds", type=float, default=60, help="time limit of a measurement (60)")
    parser.add_argument("--memory", type=float, default=min(12, round(0.75 * memory, 1)),
                        help="limit of a measurement in GiB (12, or three quarters of the machine's)")  # fmt: skip
    parser.add_argument("--output", metavar="FILE", help="also write the lines to this file")
    arguments = parser.parse_args()
    chosen = [works.work(id) for id in arguments.works]
    try:
        import torch  # noqa: F401
    except ImportError:
        raise SystemExit(f"{sys.executable} has no torch; Benchmarks/run --help says how to get it")

    with open(arguments.output or os.devnull, "w") as output:
        for work in chosen:
            for line in measurements(work, [peer for peer in work.peers if peer in arguments.peers], arguments):
                print(json.dumps(line), flush=True)
                print(json.dumps(line), file=output, flush=True)


if __name__ == "__main__":
    main()
