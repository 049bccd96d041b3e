"""Cross-checks of gatepath against Ciw and SimPy on three networks: every latency and share must agree within the joint
interval of the two simulations. Exit code 1 when one does not.

    python3 tests/peers/run.py GATEPATH [FOLDER]

GATEPATH is the binary, FOLDER where the virtual environment with the pinned peers is kept.
"""

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
NETWORKS = ("tandem", "overflow", "priority")
PEERS = ("ciw", "simpy")
REPLICATIONS = 10
# Joint standard errors allowed: with about 60 comparisons, one false alarm in forty runs.
ALLOWED = 3.5
# Student's t at 97.5 % for the replications (159 degrees of freedom) or the ten sections of quantiles of gatepath (9).
T = {160: 1.9750, 10: 2.2622}


def environment(folder):
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", HERE / "requirements.txt"], check=True)
    return python


def of_gatepath(binary, network):
    """Estimate and standard error of every metric."""
    command = [binary, "run", HERE / f"{network}.yaml", "--format", "json", "--quiet"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 3, 4):
        sys.exit(done.stderr)
    rows = json.loads(done.stdout)["scenarios"][0]["summary"]
    found = {}
    for row in rows:
        if row["value"] is not None and row["half_width"] is not None:
            error = row["half_width"] / T[row["sections"]]
            found[f"{row['class']} {row['metric']}"] = (row["value"], error)
    return found


def of_peer(python, peer, network, pool):
    def replication(seed):
        command = [python, HERE / "model.py", peer, network, str(seed)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    runs = list(pool.map(replication, range(1, REPLICATIONS + 1)))
    found = {}
    for metric in runs[0]:
        values = [run[metric] for run in runs]
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        found[metric] = (mean, math.sqrt(variance / len(values)))
    return found


def main():
    binary = Path(sys.argv[1])
    python = environment(Path(sys.argv[2] if len(sys.argv) > 2 else HERE / "venv"))
    wrong, scores = 0, []
    print(f"{'network':<10}{'peer':<7}{'metric':<24}{'gatepath':>11}{'peer':>11}{'error':>9}{'z':>7}")
    with ThreadPoolExecutor(2) as pool:
        for network in NETWORKS:
            mine = of_gatepath(binary, network)
            for peer in PEERS:
                for metric, (value, error) in of_peer(python, peer, network, pool).items():
                    own, own_error = mine[metric]
                    joint = math.hypot(error, own_error)
                    z = (own - value) / joint
                    scores.append(z)
                    wrong += abs(z) > ALLOWED
                    flag = "  DISAGREES" if abs(z) > ALLOWED else ""
                    print(f"{network:<10}{peer:<7}{metric:<24}{own:>11.5g}{value:>11.5g}{joint:>9.2g}{z:>7.2f}{flag}")
    print(f"{len(scores)} comparisons, mean z {sum(scores) / len(scores):.2f}, {wrong} beyond {ALLOWED} joint standard errors")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
