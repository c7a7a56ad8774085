"""A rush on few slots over several instances, with Redis in front and without."""

import json
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass

from .machine import Server, cpu_seconds, run
from .measure import PATIENTS, PORT, SECRET

INSTANCES = 4
CLIENTS = 1000
SLOTS = 100
STORMS = 20


@dataclass
class Rush:
    created: int
    took: float  # seconds, all storms
    p99: float  # milliseconds, the worst storm's
    transactions: int
    database: float  # seconds of processor
    services: float
    redis: float
    waiting: float  # sessions that wait for a lock, on the average


class Waiters:
    """Looks a hundred times a second who waits for a lock."""

    def __init__(self, database):
        self.database, self.counts, self.is_over = database, [], False
        self.thread = threading.Thread(target=self.look)

    def look(self):
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'run' AND wait_event_type = 'Lock'"
        # One session that asks again and again: a new one each time would cost more than the rush.
        script = f"{query}\\watch 0.01\n"
        process = self.database.session("postgres", script)
        for line in process.stdout:
            if line.strip().isdigit():
                self.counts.append(int(line))
            if self.is_over:
                break
        process.kill()
        process.wait()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()

    @property
    def mean(self):
        return sum(self.counts) / max(1, len(self.counts))


class Redis:
    """A Redis server, for as long as the block runs."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL)
        for _ in range(400):
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        raise SystemExit(f"redis-server does not serve on port {self.port}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid


def rush(bench, is_guarded):
    """1,000 clients want 100 slots at the same instant, over four instances, twenty times."""
    database = bench.database
    address = database.fresh("bench_1")
    ports = [PORT + place for place in range(INSTANCES)]
    used = lambda processes: sum(cpu_seconds(process.pid) for process in processes)
    with ExitStack() as stack:
        servers = [stack.enter_context(Redis(PORT + 100 + place)) for place in range(5 if is_guarded else 0)]
        environment = {
            "DATABASE_URL": address, "HOLDFAST_JWT_SECRET": SECRET,
            "HOLDFAST_REDIS_URLS": ",".join(f"redis://127.0.0.1:{server.port}" for server in servers)}
        instances = [
            stack.enter_context(
                Server([bench.holdfast, "serve", "--port", port, "--drain-delay", "0s"], port, environment))
            for port in ports]
        # A server that is new to an instance is not believed at first.
        time.sleep(4)
        # Each has its connections and its plans then.
        storm(bench, ports, 0)
        before = database.write_transactions(), cpu_seconds(database.pid), used(instances), used(servers)
        with Waiters(database) as waiters:
            storms = [storm(bench, ports, SLOTS * number) for number in range(1, STORMS + 1)]
        after = database.write_transactions(), cpu_seconds(database.pid), used(instances), used(servers)
    database.verify()
    cost = [now - then for then, now in zip(before, after)]
    return Rush(
        sum(one["created"] for one in storms), sum(one["took"] for one in storms) / 1000,
        max(one["p99"] for one in storms), cost[0], cost[1], cost[2], cost[3], waiters.mean)


def storm(bench, ports, first):
    return json.loads(
        run(
            bench.tools / "load", "storm", ",".join(map(str, ports)), CLIENTS, first, SLOTS, PATIENTS,
            bench.tokens))
