"""Joins the measurements of LMN and of its PyTorch peers into one table, with a description of the machine.

    python3 Benchmarks/Peers/report.py --lmn lmn.json [--peers peers.jsonl] --output DIRECTORY

lmn.json is written by `swift run -c release Benchmarks --json`, peers.jsonl by `peers.py`. Writes results.md and
results.json to the directory. A ratio is the median time of the peer over that of LMN on the same number of threads and
its fastest instruction set. Needs only Python.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import re
import shutil
import subprocess

import works


def significant(value):
    """Three digits, or the whole number if it has more."""
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"


def time(seconds):
    scale, unit = next((pair for pair in ((1, "s"), (1e3, "ms")) if seconds * pair[0] >= 1), (1e6, "µs"))
    return f"{significant(seconds * scale)} {unit}"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# The machine


def first_match(pattern, path):
    try:
        match = re.search(pattern, pathlib.Path(path).read_text())
    except OSError:
        return None
    return match and match[1].strip()


def first_line(*command):
    """First line of output of a command; None if it is not installed or prints nothing."""
    if not shutil.which(command[0]):
        return None
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return lines[0] if lines else None


def caches():
    """Caches of the first core, such as "L1 data 32K, L2 1024K" (Linux)."""
    found = []
    for directory in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((directory / name).read_text().strip() for name in ("level", "type", "size"))
        found.append(f"L{level} {kind.lower() + ' ' if kind != 'Unified' else ''}{size}")
    return ", ".join(found) or None


def measured_peaks(rows):
    """GFLOP/s of one thread by instruction set, as measured by LMN's program and recovered from its rows."""
    return {
        row["instructionSet"]: row["gigaflops"] / row["fractionOfPeak"] / row["threads"]
        for row in rows
        if row["fractionOfPeak"]
    }


def machine(rows, lines):
    """Properties of the machine and the software, by name; unknown ones are left out."""
    peaks = ", ".join(f"{name} {peak:.0f}" for name, peak in sorted(measured_peaks(rows).items()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    description = {
        "processor": first_match(r"model name\s*:\s*(.*)", "/proc/cpuinfo")
        or first_line("sysctl", "-n", "machdep.cpu.brand_string")
        or platform.machine(),
        "cores": str(os.cpu_count()),
        "instruction sets": ", ".join(sorted({row["instructionSet"] for row in rows})),
        "multiply-add peak": peaks and f"{peaks} GFLOP/s per thread, measured",
        "caches": caches(),
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "transparent huge pages": first_match(r"\[(\w+)\]", "/sys/kernel/mm/transparent_hugepage/enabled"),
        "C library": " ".join(platform.libc_ver()).strip() or None,
        "Swift": first_line("swift", "--version"),
        "C compiler": first_line("clang", "--version"),
        "PyTorch": next((line["torch"] for line in lines if "torch" in line), None),
    }
    return {name: value for name, value in description.items() if value}


# The comparison


def lmn_row(work, rows):
    """LMN's row of a benchmark, of its fastest instruction set and the benchmark's number of threads; or None."""
    candidates = [row for row in rows if row.get("work") == work.id and row["threads"] == work.threads]
    return min(candidates, key=lambda row: row["median"], default=None)


def comparisons(rows, lines):
    """One entry per benchmark and measured peer; a peer that was skipped or not run has no times."""
    joined = []
    for work in works.WORKS:
        lmn = lmn_row(work, rows)
        measured = {(line["peer"], line["tunedMalloc"]): line for line in lines if line["work"] == work.id}
        for peer in [peer for peer in work.peers if (peer, False) in measured] or ([None] if lmn else []):
            as_run, tuned = (measured.get((peer, tuned)) for tuned in (False, True))
            joined.append(
                {
                    "work": work.id,
                    "title": work.title,
                    "threads": work.threads,
                    "lmn": lmn,
                    "peer": peer,
                    "asRun": with_ratio(as_run, lmn),
                    "tunedMalloc": with_ratio(tuned, lmn),
                }
            )
    return joined


def with_ratio(line, lmn):
    if line is None or lmn is None or "median" not in line:
        return line
    return line | {"ratio": line["median"] / lmn["median"]}


def lmn_cell(lmn):
    if lmn is None:
        return "not measured"
    rate = lmn.get("tokensPerSecond")
    return f"**{time(lmn['median'])}**" + (f" ({rate:,.0f} tokens/s)" if rate else "")


def peer_cell(line):
    if line is None:
        return ""
    if "skipped" in line:
        return line["skipped"]
    return time(line["median"]) + (f": **{significant(line['ratio'])} ×**" if "ratio" in line else "")


def memory_cell(line):
    memory = line and line.get("peakMemoryMiB")
    return f"{memory:,.0f} MiB" if memory else ""


def markdown(description, joined, rows):
    main = [
        [
            one["title"],
            str(one["threads"]),
            lmn_cell(one["lmn"]),
            memory_cell(one["lmn"]),
            works.PEERS[one["peer"]] if one["peer"] else "not measured",
            peer_cell(one["asRun"]),
            peer_cell(one["tunedMalloc"]),
            memory_cell(one["asRun"]),
        ]
        for one in joined
    ]
    every = [
        [
            row["name"],
            "OpenBLAS" if "ratio" in row else row["instructionSet"],
            str(row["threads"]),
            time(row["median"]),
            time(row["minimum"]),
            f"{row['gigaflops']:.1f}",
            f"{row['gigabytes']:.1f}",
            f"{100 * row['fractionOfPeak']:.0f} %",
        ]
        for row in rows
    ]
    parts = [
        "# Benchmarks",
        "\n".join(f"- {name}: {value}" for name, value in description.items()),
        "## LMN and PyTorch",
        "Median times, of a decoded token for decoding, and how many times as long as LMN a peer takes.",
        table(
            ["work", "threads", "LMN", "memory", "peer, in PyTorch", "as users run it", "tuned malloc", "memory"], main
        ),
        "## Everything that LMN's program measured",
        table(["benchmark", "kernels", "threads", "median", "minimum", "GFLOP/s", "GB/s", "of peak"], every),
    ]
    return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lmn", type=pathlib.Path, required=True)
    parser.add_argument("--peers", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    rows = json.loads(arguments.lmn.read_text())
    lines = [json.loads(line) for line in arguments.peers.read_text().splitlines()] if arguments.peers else []

    description, joined = machine(rows, lines), comparisons(rows, lines)
    arguments.output.mkdir(parents=True, exist_ok=True)
    text = markdown(description, joined, rows)
    (arguments.output / "results.md").write_text(text)
    results = {"machine": description, "comparisons": joined, "lmn": rows}
    (arguments.output / "results.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(text.split("## Everything")[0])
    print(f"written: {arguments.output / 'results.md'} and results.json")


if __name__ == "__main__":
    main()
