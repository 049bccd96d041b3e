"""A yardstick for gatepath: models A and B in Ciw, written as its guide teaches it (a node a station, a router a node,
as many servers as needed where requests are only delayed).

    python model.py a|b REQUESTS [SEED]

prints one line of JSON: latencies in milliseconds, in model A in units of the mean service time.
"""

import json
import math
import resource
import sys
from importlib.metadata import version

import ciw

INFINITY = float("inf")


class Limited(ciw.dists.Exponential):
    """Exponential times between so many arrivals; then none comes any more."""

    def __init__(self, rate, requests):
        super().__init__(rate)
        self.left = requests

    def sample(self, t=None, ind=None):
        if self.left == 0:
            return INFINITY
        self.left -= 1
        return super().sample(t, ind)


def model_a(requests):
    """M/M/1 with arrival rate 0.8 and service rate 1."""
    return ciw.create_network(
        arrival_distributions=[Limited(0.8, requests)],
        service_distributions=[ciw.dists.Exponential(1.0)],
        number_of_servers=[1],
        routing=ciw.routing.NetworkRouting(routers=[ciw.routing.Leave()]),
    )


class Bucket(ciw.routing.NodeRouting):
    """Lets a request on while the token bucket has a token: `rate` tokens a second, at most `burst` at a time."""

    def __init__(self, to, rate, burst):
        self.to, self.rate, self.burst = to, rate, burst
        self.tokens, self.filled_at = burst, 0.0

    def next_node(self, ind):
        now = self.simulation.current_time
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1.0:
            return self.simulation.nodes[-1]
        self.tokens -= 1.0
        return self.simulation.nodes[self.to]


def model_b(requests):
    """A gateway path of seven stages at 1000 requests/s: five nodes of delays, 20 targets, a database."""

    def from_median(median, sigma):
        return ciw.dists.Lognormal(math.log(median), sigma)

    delays = [
        from_median(0.012, 0.4),
        from_median(0.001, 0.3),
        from_median(0.005, 0.5),
        from_median(0.0008, 0.3),
        from_median(0.0004, 0.2),
    ]
    # Mean 8 ms, coefficient of variation 1: the median lies sqrt(2) below the mean.
    query = from_median(0.008 / math.sqrt(2.0), math.sqrt(math.log(2.0)))
    targets = list(range(6, 26))
    database = 26
    routers = [
        ciw.routing.Probabilistic(destinations=[2], probs=[0.8]),
        Bucket(to=3, rate=5000.0, burst=2000.0),
        ciw.routing.Direct(to=4),
        ciw.routing.Direct(to=5),
        ciw.routing.Cycle(cycle=targets),
        *(ciw.routing.Direct(to=database) for _ in targets),
        ciw.routing.Leave(),
    ]
    return ciw.create_network(
        arrival_distributions=[Limited(1000.0, requests)] + [None] * (len(routers) - 1),
        service_distributions=delays + [ciw.dists.Exponential(1.0 / 0.020) for _ in targets] + [query],
        number_of_servers=[INFINITY] * len(delays) + [2] * len(targets) + [16],
        routing=ciw.routing.NetworkRouting(routers=routers),
    )


MODELS = {"a": model_a, "b": model_b}


def latency(individual):
    """From the arrival at the first node to the end at the last."""
    records = individual.data_records
    return records[-1].exit_date - records[0].arrival_date


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in MODELS:
        sys.exit("usage: model.py a|b REQUESTS [SEED]")
    model, requests = sys.argv[1], int(sys.argv[2])
    ciw.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    simulation = ciw.Simulation(MODELS[model](requests))
    simulation.simulate_until_max_customers(requests, method="Finish")
    user = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    unit = 1.0 if model == "a" else 1000.0
    ordered = sorted(latency(individual) for individual in simulation.nodes[-1].all_individuals)
    print(json.dumps({
        "peer": "Ciw",
        "version": version("ciw"),
        "model": model,
        "requests": len(ordered),
        "user_s": round(user, 3),
        "requests_per_s": round(len(ordered) / max(user, 1e-6)),
        "mean": round(unit * math.fsum(ordered) / len(ordered), 4),
        "p50": round(unit * ordered[len(ordered) // 2], 4),
        "p99": round(unit * ordered[len(ordered) * 99 // 100], 4),
    }))


if __name__ == "__main__":
    main()
