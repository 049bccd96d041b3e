"""Three networks in Ciw and in SimPy, written from the scenario files beside this one and from nothing else of gatepath.

    python model.py ciw|simpy tandem|overflow|priority SEED

prints one line of JSON: the observations of one replication, `{"metric": value}`, times in milliseconds.
"""

import json
import math
import random
import sys

RATE, DURATION, WARMUP = 100.0, 240.0, 24.0
# Whoever arrives after this may still be there at the end.
LAST = 235.0
INFINITY = float("inf")


def quantile(ordered, p):
    return ordered[min(len(ordered) - 1, math.ceil(p * len(ordered)) - 1)]


def observed(served, lost, classes=False):
    """Latencies in seconds by class, and requests lost, to metrics."""
    metrics = {}
    everybody = sorted(latency for of_class in served.values() for latency in of_class)
    groups = {"all": everybody}
    if classes:
        groups |= {name: sorted(of_class) for name, of_class in served.items()}
    for name, latencies in groups.items():
        metrics[f"{name} latency_mean_ms"] = 1e3 * sum(latencies) / len(latencies)
        for p in (0.5, 0.9, 0.99):
            metrics[f"{name} latency_p{100 * p:g}_ms"] = 1e3 * quantile(latencies, p)
    if lost:
        metrics["all error_share"] = lost / (lost + len(everybody))
    return metrics


# ---- Ciw ----


def with_ciw(network, seed):
    import ciw

    d = ciw.dists
    if network == "tandem":
        net = ciw.create_network(
            arrival_distributions=[d.Exponential(RATE), None],
            service_distributions=[d.Exponential(1 / 0.014), d.Lognormal(math.log(0.008), 0.6)],
            number_of_servers=[2, 1],
            routing=[[0.0, 0.7], [0.0, 0.0]],
        )
    elif network == "overflow":
        net = ciw.create_network(
            arrival_distributions=[d.Exponential(RATE), None],
            service_distributions=[d.Gamma(3, 0.01), d.Deterministic(0.018)],
            number_of_servers=[3, 2],
            queue_capacities=[5, INFINITY],
            routing=[[0.0, 1.0], [0.0, 0.0]],
        )
    else:
        net = ciw.create_network(
            arrival_distributions={
                "high": [d.Exponential(0.3 * RATE), None],
                "low": [d.Exponential(0.7 * RATE), None],
            },
            service_distributions={
                name: [d.Exponential(1 / 0.0075), d.Exponential(1 / 0.015)] for name in ("high", "low")
            },
            number_of_servers=[1, 2],
            routing={name: [[0.0, 1.0], [0.0, 0.0]] for name in ("high", "low")},
            priority_classes={"high": 0, "low": 1},
        )
    ciw.seed(seed)
    simulation = ciw.Simulation(net)
    simulation.simulate_until_max_time(DURATION)
    first, last, kind, lost = {}, {}, {}, 0
    for record in simulation.get_all_records():
        if record.record_type == "rejection":
            lost += WARMUP <= record.arrival_date < LAST
        elif record.record_type == "service" and record.node == 1:
            first[record.id_number] = record.arrival_date
            kind[record.id_number] = record.customer_class
        elif record.record_type == "service":
            last[record.id_number] = record.exit_date
    counted = {id_number for id_number, at in first.items() if WARMUP <= at < LAST}
    if network == "tandem":
        lost = len(counted - last.keys())
    names = ("high", "low") if network == "priority" else ("all",)
    served = {name: [] for name in names}
    for id_number in sorted(counted & last.keys()):
        name = kind[id_number] if network == "priority" else "all"
        served[name].append(last[id_number] - first[id_number])
    return observed(served, lost, network == "priority")


# ---- SimPy ----


def with_simpy(network, seed):
    import simpy

    luck = random.Random(seed)
    world = simpy.Environment()
    names = ("high", "low") if network == "priority" else ("all",)
    served, lost = {name: [] for name in names}, [0]
    servers = {"tandem": (2, 1), "overflow": (3, 2), "priority": (1, 2)}[network]
    first = simpy.PriorityResource(world, servers[0])
    second = simpy.PriorityResource(world, servers[1])
    services = {
        "tandem": (lambda: luck.expovariate(1 / 0.014), lambda: luck.lognormvariate(math.log(0.008), 0.6)),
        "overflow": (lambda: luck.gammavariate(3, 0.01), lambda: 0.018),
        "priority": (lambda: luck.expovariate(1 / 0.0075), lambda: luck.expovariate(1 / 0.015)),
    }[network]

    def request(name):
        born = world.now
        counts = WARMUP <= born < LAST
        if network == "overflow" and len(first.queue) >= 5:
            lost[0] += counts
            return
        with first.request(priority=names.index(name)) as turn:
            yield turn
            yield world.timeout(services[0]())
        if network == "tandem" and luck.random() < 0.3:
            lost[0] += counts
            return
        with second.request(priority=names.index(name)) as turn:
            yield turn
            yield world.timeout(services[1]())
        if counts:
            served[name].append(world.now - born)

    def users():
        while True:
            yield world.timeout(luck.expovariate(RATE))
            name = names[0] if len(names) == 1 or luck.random() < 0.3 else names[1]
            world.process(request(name))

    world.process(users())
    world.run(until=DURATION)
    return observed(served, lost[0], network == "priority")


if __name__ == "__main__":
    peer, network, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print(json.dumps({"ciw": with_ciw, "simpy": with_simpy}[peer](network, seed)))
