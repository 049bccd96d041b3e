"""A yardstick for gatepath: models A, B and C in SimPy, written as its guide teaches it (a process a request, a
Resource a station, one timeout a stage).

    python model.py a|b|c REQUESTS [SEED]

prints one line of JSON: latencies in milliseconds, in model A in units of the mean service time.
"""

import json
import math
import random
import resource
import sys
from array import array
from importlib.metadata import version

import simpy


def model_a(env, rng, requests, latencies):
    """M/M/1 with arrival rate 0.8 and service rate 1."""
    server = simpy.Resource(env, capacity=1)

    def request():
        born = env.now
        with server.request() as turn:
            yield turn
            yield env.timeout(rng.expovariate(1.0))
        latencies.append(env.now - born)

    for _ in range(requests):
        yield env.timeout(rng.expovariate(0.8))
        env.process(request())


class Bucket:
    """Token bucket: `rate` tokens a second, at most `burst` at a time."""

    def __init__(self, env, rate, burst):
        self.env, self.rate, self.burst = env, rate, burst
        self.tokens, self.filled_at = burst, 0.0

    def take(self):
        now = self.env.now
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


def gateway_path(env, rng):
    """The seven stages of models B and C: a function that makes the process of one attempt."""
    bucket = Bucket(env, rate=5000.0, burst=2000.0)
    targets = [simpy.Resource(env, capacity=2) for _ in range(20)]
    database = simpy.Resource(env, capacity=16)
    served = 0

    def from_median(median, sigma):
        mu = math.log(median)
        return lambda: rng.lognormvariate(mu, sigma)

    cdn = from_median(0.012, 0.4)
    firewall = from_median(0.001, 0.3)
    gateway = from_median(0.005, 0.5)
    link = from_median(0.0008, 0.3)
    balancer = from_median(0.0004, 0.2)
    # Mean 8 ms, coefficient of variation 1: the median lies sqrt(2) below the mean.
    query = from_median(0.008 / math.sqrt(2.0), math.sqrt(math.log(2.0)))

    def attempt():
        nonlocal served
        yield env.timeout(cdn())
        if rng.random() >= 0.2:
            yield env.timeout(firewall())
            if bucket.take():
                yield env.timeout(gateway())
                yield env.timeout(link())
                yield env.timeout(balancer())
                target = targets[served % len(targets)]
                served += 1
                with target.request() as turn:
                    yield turn
                    yield env.timeout(rng.expovariate(1.0 / 0.020))
                with database.request() as turn:
                    yield turn
                    yield env.timeout(query())

    return attempt


def model_b(env, rng, requests, latencies):
    """A gateway path of seven stages at 1000 requests/s."""
    attempt = gateway_path(env, rng)

    def request():
        born = env.now
        yield from attempt()
        latencies.append(env.now - born)

    for _ in range(requests):
        yield env.timeout(rng.expovariate(1000.0))
        env.process(request())


def model_c(env, rng, requests, latencies):
    """Model B at 2250 requests/s, behind a client that gives up after 1 s and repeats twice. What it has given up
    goes on inside."""
    attempt = gateway_path(env, rng)

    def client():
        born = env.now
        for pause in (0.1, 0.2, None):
            answer = env.process(attempt())
            yield answer | env.timeout(1.0)
            if answer.triggered or pause is None:
                break
            yield env.timeout(pause)
        latencies.append(env.now - born)

    for _ in range(requests):
        yield env.timeout(rng.expovariate(2250.0))
        env.process(client())


MODELS = {"a": model_a, "b": model_b, "c": model_c}


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in MODELS:
        sys.exit("usage: model.py a|b|c REQUESTS [SEED]")
    model, requests = sys.argv[1], int(sys.argv[2])
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    latencies = array("d")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    env = simpy.Environment()
    env.process(MODELS[model](env, rng, requests, latencies))
    env.run()
    user = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    unit = 1.0 if model == "a" else 1000.0
    ordered = sorted(latencies)
    print(json.dumps({
        "peer": "SimPy",
        "version": version("simpy"),
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
