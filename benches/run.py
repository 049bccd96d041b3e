#!/usr/bin/env python3
"""Measures gatepath beside SimPy, Ciw, NeXosim and ODEM-rs, on every scenario of the gallery, and operator by operator,
and writes the tables of docs/performance.md. Half an hour on two idle cores.

    python3 benches/run.py                    measure everything, write the tables
    python3 benches/run.py --only gallery     one table: peers, gallery or operators
    python3 benches/run.py --print            print the tables, write nothing
    python3 benches/run.py --smoke            tiny runs: do all still build, run and agree? No timing is judged.

Needs Rust and Python 3.9 or later on Linux or macOS; SimPy and Ciw go into virtual environments below the target folder.
What counts is user CPU time, less that of a run of next to no requests (start-up); the contenders take turns, so
that a slow spell of the machine falls on all of them.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benches" / "peers"
MODELS = ROOT / "benches" / "models"
SCENARIOS = ROOT / "scenarios"
REPORT = ROOT / "docs" / "performance.md"

# Arrival rate of each model (requests/s), and its mean latency from long independent runs (A: exact, in s; else ms).
RATE = {"a": 0.8, "b": 1000.0, "c": 2250.0, "d": 1000.0, "storm": 2250.0}
MEAN = {"a": 5.0, "b": 42.21, "c": 76.7}
# Standard error of the mean of one run times the root of its requests: A by theory (sqrt 1976), the others as seen.
SPREAD = {"a": 44.5, "b": 40.0, "c": 900.0}
UNIT = {"a": "service times", "b": "ms", "c": "ms", "d": "ms", "storm": "ms"}

# `start` is the command for next to no requests, `full` the command to be measured, both functions of the seed.
Contender = namedtuple("Contender", "name version model start full parse")
Run = namedtuple("Run", "requests user mean p50 p99 peak_mb")


def say(text):
    print(text, file=sys.stderr, flush=True)


def built(command, folder):
    """Runs a build command; cargo reads its settings from the folder it runs in."""
    say("$ " + " ".join(map(str, command)))
    subprocess.run([str(word) for word in command], cwd=folder, check=True)


def target_folder():
    found = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return Path(json.loads(found.stdout)["target_directory"])


def python_with(peer, target):
    """An interpreter that has a pinned peer, from a virtual environment of its own."""
    folder = target / "peers" / f"{peer}-venv"
    python = folder / "bin" / "python"
    if not python.exists():
        built([sys.executable, "-m", "venv", folder], ROOT)
    built([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           "-r", PEERS / peer / "requirements.txt"], ROOT)
    return python


def built_peer(peer, target):
    """The binary of a peer in Rust, built with the settings in its folder."""
    folder = target / "peers" / peer
    built(["cargo", "build", "--release", "--locked", "--target-dir", folder], PEERS / peer)
    return folder / "release" / f"{peer}-peer"


def built_gatepath(target):
    """The binary of gatepath and its version."""
    built(["cargo", "build", "--release", "--locked"], ROOT)
    binary = target / "release" / "gatepath"
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    return binary, version


def peak_of(pid):
    """Peak resident memory so far in MB, of the program itself. (The kernel's account of an ended child starts at
    the memory of its parent, this script, so it cannot tell anything below some 12 MB.)"""
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def timed(command, good=(0,)):
    """Runs a command; returns its output, its user CPU seconds and its peak memory in MB."""
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen([str(word) for word in command], cwd=ROOT, stdout=output)
        peak, seen = None, None
        while True:
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            if ended:
                break
            seen = peak_of(child.pid)
            peak = seen if seen is not None else peak
            time.sleep(0.01)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in good:
            sys.exit(f"failed with code {child.returncode}: {' '.join(map(str, command))}")
        if peak is None:
            peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
        output.seek(0)
        return output.read(), usage.ru_utime, peak


def parse_peer(text):
    line = json.loads(text.strip().splitlines()[-1])
    return line["requests"], line["mean"], line["p50"], line["p99"]


def duration(model, seconds):
    """The overrides that let a model run for so long; the storm starts with ten seconds that stir it up."""
    if model != "storm":
        return ["--set", f"traffic.duration={seconds:.3f} s"]
    stir = min(seconds, 10)
    return ["--set", f"traffic.stages.0.duration={stir:.3f} s",
            "--set", f"traffic.stages.2.duration={seconds - stir:.3f} s"]


def gatepath(binary, version, name, executor, model, requests, overrides=()):
    def command(seconds):
        return lambda seed: [
            binary, "run", MODELS / f"{model}.yaml", "--replications", "1", "--threads", "1", "--executor", executor,
            "--seed", str(seed), "--quiet", "--format", "json", *duration(model, seconds), *overrides,
        ]

    def parse(text):
        rows = json.loads(text)["scenarios"][0]["summary"]
        row = {row["metric"]: row for row in rows if row["class"] == "all"}
        latencies = (row[f"latency_{name}_ms"]["value"] / (1000 if model == "a" else 1) for name in ("mean", "p50", "p99"))
        return row["offered_per_s"]["observations"], *latencies

    return Contender(name, version, model, command(10 / RATE[model]), command(requests / RATE[model]), parse)


def peer(name, version, model, words, requests):
    return Contender(name, version, model, lambda seed: words + [model, "10", str(seed)],
                     lambda seed: words + [model, str(requests), str(seed)], parse_peer)


def contenders(target, scale):
    """Builds everything; the sizes give runs of about two seconds of CPU time on a machine of 2025."""
    binary, version = built_gatepath(target)
    odem, nexosim = [built_peer("odem", target)], [built_peer("nexosim", target)]
    simpy = [python_with("simpy", target), PEERS / "simpy" / "model.py"]
    ciw = [python_with("ciw", target), PEERS / "ciw" / "model.py"]

    def size(requests):
        return max(1000, int(requests * scale))

    def own(model, fast, slow):
        """By the executor gatepath takes by itself, and by events."""
        return [gatepath(binary, version, "gatepath", "auto", model, size(fast)),
                gatepath(binary, version, "gatepath, by events", "event", model, size(slow))]

    least = ["--set", "path.7.balancer.policy=least_outstanding"]
    return own("b", 3e7, 8e6) + [
        peer("ODEM-rs", "0.4.0", "b", odem, size(4e6)),
        peer("ODEM-rs, delays merged by hand", "0.4.0", "b-merged", odem, size(4e6)),
        peer("NeXosim", "1.0.0", "b", nexosim, size(7e5)),
        peer("SimPy", "4.1.2", "b", simpy, size(1e5)),
        peer("Ciw", "3.2.7", "b", ciw, size(1.5e4)),
    ] + own("a", 1e8, 2e7) + [
        peer("ODEM-rs", "0.4.0", "a", odem, size(15e6)),
        peer("NeXosim", "1.0.0", "a", nexosim, size(25e5)),
        peer("SimPy", "4.1.2", "a", simpy, size(2e5)),
        peer("Ciw", "3.2.7", "a", ciw, size(1e5)),
    ] + own("c", 2e7, 6e6) + [
        peer("SimPy", "4.1.2", "c", simpy, size(1e5)),
    ] + own("d", 4e6, 4e6) + [
        gatepath(binary, version, "gatepath, least outstanding", "auto", "d", size(4e6), least),
    ] + own("storm", 2e6, 1e6)


def measure(all_contenders, repetitions):
    """Runs of each contender, net of start-up, in turns."""
    start = [statistics.median(timed(c.start(seed))[1] for seed in (1, 2, 3)) for c in all_contenders]
    runs = [[] for _ in all_contenders]
    for seed in range(1, repetitions + 1):
        for index, c in enumerate(all_contenders):
            text, user, peak = timed(c.full(seed))
            requests, mean, p50, p99 = c.parse(text)
            run = Run(requests, max(user - start[index], 1e-6), mean, p50, p99, peak)
            runs[index].append(run)
            say(f"{c.name:32} {c.model:9} {requests:>11,} requests {run.user:7.3f} s "
                f"{requests / run.user:>13,.0f}/s  mean {mean:9.3f}  p99 {p99:9.3f}  {peak:6.1f} MB")
    return runs


def check(all_contenders, runs):
    """The contenders must simulate the same thing: each mean lies within 2 % and five standard errors of the known
    value."""
    for c, own in zip(all_contenders, runs):
        model = c.model.split("-")[0]
        if model not in MEAN:
            continue
        mean = statistics.fmean(run.mean for run in own)
        band = 0.02 * MEAN[model] + 5 * SPREAD[model] / sum(run.requests for run in own) ** 0.5
        if abs(mean - MEAN[model]) > band:
            sys.exit(f"{c.name} model {c.model}: mean {mean:.3f} is not {MEAN[model]} within {band:.3f}")


def speed(own):
    return statistics.median(run.requests / run.user for run in own)


def rounded(value):
    """Three significant figures: more would not repeat."""
    digits = max(0, len(str(int(value))) - 3)
    return f"{round(value, -digits):,.0f}"


def table(all_contenders, runs):
    base = {(c.name, c.model): speed(own) for c, own in zip(all_contenders, runs)}
    lines = [
        "| | version | model | requests a run | requests/s | lowest | highest | against SimPy | against ODEM-rs "
        "| mean | p50 | p99 | in | peak MB |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|",
    ]
    for c, own in zip(all_contenders, runs):
        model = c.model.split("-")[0]
        speeds = [run.requests / run.user for run in own]

        def ratio(name):
            other = base.get((name, model))
            return "" if other is None else f"{speed(own) / other:.3g}"

        def middle(field):
            return f"{statistics.median(getattr(run, field) for run in own):.4g}"

        lines.append("| " + " | ".join([
            c.name, c.version, model.upper() if len(model) == 1 else model,
            f"{statistics.median(run.requests for run in own):,.0f}",
            f"**{rounded(speed(own))}**", rounded(min(speeds)), rounded(max(speeds)),
            ratio("SimPy"), ratio("ODEM-rs"), middle("mean"), middle("p50"), middle("p99"), UNIT[model],
            f"{max(run.peak_mb for run in own):.0f}",
        ]) + " |")
    return "\n".join(lines)


def machine():
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        family = re.search(r"cpu family\s*:\s*(\d+)", Path("/proc/cpuinfo").read_text())
        name = (found.group(1).strip() if found else name) + (f" (family {family.group(1)})" if family else "")
    except OSError:
        pass
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()
    return (f"{name}, {os.cpu_count()} cores, {platform.system()}; Rust {rustc[1] if len(rustc) > 1 else '?'}, "
            f"Python {platform.python_version()}")


def peers(scale, repetitions):
    """The table beside other simulators; fails where they do not agree."""
    everyone = contenders(target_folder(), scale)
    runs = measure(everyone, repetitions)
    check(everyone, runs)
    return (f"Medians of {repetitions} runs with as many seeds, user CPU time net of start-up, gatepath on one thread, as "
            "built for any x86-64 processor.\n\n" + table(everyone, runs))


def gallery(scale, repetitions):
    """Throughput and peak memory of every scenario, as it stands, but without a warm-up: all its requests are counted. What
    a run of one replication takes is taken off one of several, so start-up does not count."""
    binary, _ = built_gatepath(target_folder())
    files = sorted(SCENARIOS.glob("*.yaml"))[: None if scale == 1 else 2]
    lines = ["| scenario | runs | requests a replication | requests/s | lowest | highest | peak MB |",
             "|---|---|---:|---:|---:|---:|---:|"]

    def run(file, replications, seed):
        # An objective that is missed, or cannot be decided on, is no failure here.
        text, user, peak = timed([
            binary, "run", file, "--replications", str(replications), "--threads", "1", "--seed", str(seed), "--quiet",
            "--format", "json", "--set", "run.warmup=0 s"], good=(0, 3, 4))
        rows = json.loads(text)["scenarios"][0]["summary"]
        return next(row["observations"] for row in rows
                    if row["class"] == "all" and row["metric"] == "offered_per_s"), user, peak

    for file in files:
        plan = subprocess.run([binary, "explain", file], check=True, capture_output=True, text=True).stdout
        how = re.search(r"^runs (by events|in windows)", plan, re.MULTILINE)
        few, short, _ = run(file, 1, 1)
        # Some two seconds of CPU time a run.
        more = 1 + max(1, min(500, round(2 * scale / max(short, 1e-3))))
        speeds, peaks = [], []
        for seed in range(1, repetitions + 1):
            few, start, _ = run(file, 1, seed)
            many, user, peak = run(file, more, seed)
            speeds.append((many - few) / max(user - start, 1e-6))
            peaks.append(peak)
        say(f"{file.stem:32} {few:>11,} requests {statistics.median(speeds):>13,.0f}/s  {max(peaks):6.1f} MB")
        lines.append("| " + " | ".join([
            file.stem, how.group(1) if how else "", f"{few:,}", f"**{rounded(statistics.median(speeds))}**",
            rounded(min(speeds)), rounded(max(speeds)), f"{max(peaks):.0f}"]) + " |")
    return "\n".join(lines)


def operators(scale, repetitions):
    """Nanoseconds a request by operator, of the models that run in windows."""
    built(["cargo", "build", "--release", "--locked", "--example", "operators"], ROOT)
    program = target_folder() / "release" / "examples" / "operators"
    models = ("a", "b", "c", "d") if scale == 1 else ("d",)
    overrides = [] if scale == 1 else ["--set", f"traffic.duration={1000 * scale:.3f} s"]
    return subprocess.run(
        [program, *(MODELS / f"{model}.yaml" for model in models), "--repetitions", str(repetitions), *overrides],
        check=True, capture_output=True, text=True).stdout.strip()


# The tables of docs/performance.md, each between two comments with its name.
TABLES = {"peers": peers, "gallery": gallery, "operators": operators}


def write(name, text):
    """Puts a table where it belongs."""
    begin, end = f"<!-- begin {name}: written by benches/run.py -->", f"<!-- end {name} -->"
    before, found, rest = REPORT.read_text().partition(begin)
    _, also, after = rest.partition(end)
    if not found or not also:
        sys.exit(f"{REPORT} has no place for {name}")
    REPORT.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--smoke", action="store_true", help="tiny runs, one each, no timing judged or printed")
    options.add_argument("--print", action="store_true", help="print the tables, write nothing")
    options.add_argument("--only", choices=list(TABLES), action="append", help="this table; may be repeated")
    options.add_argument("--repetitions", type=int, default=5, metavar="N", help="runs of each contender (5)")
    options.add_argument("--scale", type=float, default=1.0, metavar="X", help="size of the runs (1)")
    chosen = options.parse_args()
    scale, repetitions = (0.01, 1) if chosen.smoke else (chosen.scale, max(1, chosen.repetitions))

    load = os.getloadavg()[1] if hasattr(os, "getloadavg") else 0.0
    if load > 1.5 and not chosen.smoke:
        say(f"warning: load average {load:.1f}: what others do will show in the numbers")
    for name in chosen.only or TABLES:
        text = TABLES[name](scale, repetitions)
        if chosen.smoke:
            continue
        text = f"Measured {date.today():%Y-%m-%d} on {machine()}, load average {load:.1f} before. {text}" \
            if name == "peers" else f"Measured {date.today():%Y-%m-%d}, load average {load:.1f} before.\n\n{text}"
        print(text)
        if not chosen.print:
            write(name, text)
    if chosen.smoke:
        print("all contenders run and agree")


if __name__ == "__main__":
    main()
