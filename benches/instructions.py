#!/usr/bin/env python3
"""Counts the instructions of the release binary for each request of a few scenarios, and compares them with
benches/instructions.json. A count does not depend on what else the machine is doing, so a change that makes the
simulator slower shows in it where a timing would not.

    python3 benches/instructions.py             count, compare; exit code 1 after a rise of more than 5 %
    python3 benches/instructions.py --accept    count and keep the new numbers: commit the file, say why it rose

Needs valgrind, which counts, on x86-64 Linux. What would make counts differ from one machine to the next is pinned:
one thread, fixed seeds, the vector instructions that every x86-64 processor has. Numbers of another compiler are shown
and not judged, as are lower ones; accept them to have them judged next time.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from run import MODELS, ROOT, built, duration, target_folder

KEPT = ROOT / "benches" / "instructions.json"
# A rise by more than this share fails.
ALLOWED = 0.05
# What a run of a few requests takes, reading the scenario and building its tables, is counted by itself.
START = "start of model b, in all"


def replay(seconds):
    """The overrides that cut the replayed minutes of a path of the README short, its warm-up with them."""
    return ["--set", f"traffic.replay.take={seconds:.3f} s", "--set", "run.warmup=0 s"]


def simulated(file, executor, overrides):
    return ["run", str(file), "--executor", executor, *overrides]


# Each with the command as a function of the simulated seconds, those of its start and those that are counted.
COUNTED = {
    "model b, in windows": (lambda s: simulated(MODELS / "b.yaml", "window", duration("b", s)), 1, 200),
    "model d, in windows with a loop": (lambda s: simulated(MODELS / "d.yaml", "window", duration("d", s)), 1, 60),
    "storm, as gatepath chooses": (lambda s: simulated(MODELS / "storm.yaml", "auto", duration("storm", s)), 1, 30),
    "worldcup-rest, by events": (
        lambda s: simulated(ROOT / "scenarios" / "worldcup-rest.yaml", "event", replay(s)), 60, 120),
    "worldcup-rest, as gatepath chooses": (
        lambda s: simulated(ROOT / "scenarios" / "worldcup-rest.yaml", "auto", replay(s)), 60, 120),
}


def counted(binary, words):
    """The instructions of a run, and its requests."""
    command = [str(binary), "--lanes", "baseline", *words, "--replications", "1", "--threads", "1", "--seed", "1",
               "--quiet", "--format", "json"]
    # A bare environment, in which the C library takes the same copy routines on every processor.
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        environment = {"PATH": os.environ.get("PATH", os.defpath),
                       "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-ERMS,-FSRM"}
        done = subprocess.run(
            ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
             f"--log-file={log}", *command],
            cwd=ROOT, env=environment, capture_output=True, text=True,
        )
        # An objective that so short a run misses, or cannot decide on, is no failure here.
        if done.returncode not in (0, 3, 4):
            sys.exit(f"failed with code {done.returncode}: {' '.join(command)}\n{done.stderr}{log.read_text()}")
        found = re.search(r"I\s+refs:\s+([\d,]+)", log.read_text())
    if not found:
        sys.exit("valgrind did not say how many instructions there were")
    rows = json.loads(done.stdout)["scenarios"][0]["summary"]
    requests = next(row["observations"] for row in rows if row["class"] == "all" and row["metric"] == "offered_per_s")
    return int(found.group(1).replace(",", "")), requests


def counts(binary):
    """Instructions a request, without those of the start, by name; and those of the start."""
    found = {}
    for name, (command, few, many) in COUNTED.items():
        before, fewer = counted(binary, command(few))
        after, more = counted(binary, command(many))
        found.setdefault(START, before)
        found[name] = round((after - before) / (more - fewer), 1)
    return found


def compiler():
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.split()[1]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accept", action="store_true", help="keep the new numbers in benches/instructions.json")
    chosen = options.parse_args()
    if platform.machine() != "x86_64" or not shutil.which("valgrind"):
        print("skipped: counting instructions needs valgrind on x86-64")
        return 1 if chosen.accept else 0
    built(["cargo", "build", "--release", "--locked"], ROOT)
    found = counts(target_folder() / "release" / "gatepath")
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"compiler": None, "instructions": {}}
    risen = []
    print(f"{'instructions a request':36}{'kept':>16}{'now':>16}{'change':>10}")
    for name, now in found.items():
        before = kept["instructions"].get(name)
        change = now / before - 1 if before else 0.0
        if not before or change > ALLOWED:
            risen.append(name)
        print(f"{name:36}{before or 0:>16,}{now:>16,}{change:>+10.1%}")
    if chosen.accept:
        KEPT.write_text(json.dumps({"compiler": compiler(), "instructions": found}, indent=2) + "\n")
        print(f"kept in {KEPT.relative_to(ROOT)}")
        return 0
    if not risen:
        return 0
    if kept["compiler"] != compiler():
        print(f"not judged: the numbers kept are of Rust {kept['compiler']}, these of {compiler()}")
        return 0
    print(f"more than {ALLOWED:.0%} above what is kept, or not kept yet: {'; '.join(risen)}\n"
          "If there is a reason, accept it: python3 benches/instructions.py --accept")
    return 1


if __name__ == "__main__":
    sys.exit(main())
