"""One measurement each: what is asked, what came of it, what it cost."""

import json
import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .machine import ROOT, Server, cpu_seconds, load_seconds, memory, run

SECRET = "a secret of the benchmark only, long enough"
PORT = 8099
SLOTS = 200_000
PATIENTS = 20_000
# Slots that warming up takes, behind those that are measured.
WARM_UP = SLOTS - 10_000


@dataclass
class Figure:
    rate: float = 0
    p50: float = 0
    p99: float = 0
    took: float = 0
    service: float = 0  # cores in use
    database: float = 0
    load: float = 0
    memory: float = 0  # MiB
    more: dict = field(default_factory=dict)


class Bench:
    def __init__(self, database, holdfast, tools):
        self.database, self.holdfast, self.tools = database, holdfast, tools
        self.verifies = False
        self.verified = set()
        self.tokens = Path(tempfile.mkdtemp(prefix="holdfast-bench.")) / "tokens"
        self.tokens.write_text("".join(self.token(clinic) for clinic in range(100)))

    def token(self, clinic):
        return run(
            self.holdfast, "token", "--role", "receptionist", "--subject", "reception", "--clinic",
            f"00000000-0000-7000-8001-{clinic:012}", env={"HOLDFAST_JWT_SECRET": SECRET, "PATH": "/usr/bin"})

    # The servers

    def service(self, address):
        command = [self.holdfast, "serve", "--port", PORT, "--drain-delay", "0s"]
        return Server(command, PORT, {"DATABASE_URL": address, "HOLDFAST_JWT_SECRET": SECRET})

    def python_peer(self, address):
        command = [
            "/usr/bin/python3", "-m", "uvicorn", "starlette_peer:app", "--port", PORT, "--workers", 2, "--loop",
            "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log"]
        return Server(command, PORT, {"DATABASE_URL": address}, ROOT / "bench" / "peers")

    def node_peer(self, address):
        environment = {"DATABASE_URL": address, "PORT": str(PORT), "PGUSER": "holdfast"}
        environment["NODE_PATH"] = "/usr/share/nodejs"
        return Server(["/usr/bin/node", "node_peer.js"], PORT, environment, ROOT / "bench" / "peers")

    # The loads

    def watched(self, process, work):
        """Runs `work`; how long it took and what everybody used meanwhile, in cores."""
        figure = Figure()
        before = cpu_seconds(process) if process else 0, cpu_seconds(self.database.pid), load_seconds()
        start = time.monotonic()
        work(figure)
        figure.took = figure.took or time.monotonic() - start
        wall = time.monotonic() - start
        if process:
            figure.service = (cpu_seconds(process) - before[0]) / wall
            figure.memory = memory(process)
        figure.database = (cpu_seconds(self.database.pid) - before[1]) / wall
        figure.load = (load_seconds() - before[2]) / wall
        return figure

    def wrk(self, connections, seconds, script, **settings):
        arguments = [f"{name}={value}" for name, value in settings.items()]
        text = run(
            "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency", "-s",
            ROOT / "bench" / script, f"http://127.0.0.1:{PORT}", "--", *arguments)
        number = lambda pattern: float((re.search(pattern, text) or [0, 0])[1])
        socket_errors = re.search(r"Socket errors: (.*)", text)
        return {
            "rate": number(r"Requests/sec:\s*([\d.]+)"), "requests": number(r"(\d+) requests in"),
            "refused": number(r"Non-2xx or 3xx responses: (\d+)"), "p50": latency(text, "50%"),
            "p99": latency(text, "99%"), "errors": socket_errors[1] if socket_errors else ""}

    def bookings(self, server, connections, seconds, template="bench_1", clinics=1, slots=0, keys=0):
        """Bookings as fast as the connections can have them."""
        address = self.database.fresh(template)
        with server(address) as running:
            common = {"tokens": self.tokens, "clinics": clinics, "patients": PATIENTS, "keys": keys}
            self.wrk(min(connections, 64), 2, "book.lua", first=WARM_UP, **common)
            before = self.database.appointments()
            found = {}
            figure = self.watched(
                running.pid,
                lambda _: found.update(self.wrk(connections, seconds, "book.lua", slots=slots, **common)))
            made = self.database.appointments() - before
        figure.rate, figure.p50, figure.p99 = found["rate"], found["p50"], found["p99"]
        booked = found["requests"] - found["refused"]
        # wrk hangs up on what is in flight at its end, which may have been booked all the same; so did the
        # run that warmed up.
        if found["errors"] or not booked <= made <= booked + 2 * connections:
            raise SystemExit(f"{booked:.0f} were told of a booking, {made} are there: {found}")
        if not slots and found["refused"]:
            raise SystemExit(f"{found['refused']:.0f} of the bookings were refused: {found}")
        self.verify_once(server, clinics, slots, keys)
        return figure

    def verify_once(self, *measurement):
        """In the last round, for it takes longer than the measurement."""
        if self.verifies and measurement not in self.verified:
            self.database.verify()
            self.verified.add(measurement)

    def pgbench(self, clients, seconds):
        """The same rows, written by the database's own client."""
        address = self.database.fresh("bench_1")
        log = Path(tempfile.mkdtemp(prefix="holdfast-pgbench."))
        variables = {"round": 0, "first": 0, "patients": PATIENTS, "clients": clients}
        found = {}

        def work(_):
            found["text"] = run(
                "pgbench", "-n", "-M", "prepared", "-c", clients, "-j", min(2, clients), "-T", seconds,
                "-f", ROOT / "bench" / "booking.sql", "--log", f"--log-prefix={log}/log",
                *[f"-D{name}={value}" for name, value in variables.items()], address)

        figure = self.watched(None, work)
        figure.rate = float(re.search(r"tps = ([\d.]+)", found["text"])[1])
        times = sorted(int(line.split()[2]) for file in log.iterdir() for line in file.open())
        figure.p50, figure.p99 = times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000
        if self.database.appointments() != len(times):
            raise SystemExit("pgbench wrote other rows than it counted")
        return figure

    def storm(self):
        """1,000 clients at the same instant: on slots of their own, and on one."""
        address = self.database.fresh("bench_1")
        with self.service(address) as running:
            self.wrk(64, 2, "book.lua", first=WARM_UP, tokens=self.tokens)
            distinct = self.load(running, "storm", 1000, 10_000, 1000, PATIENTS, self.tokens)
            one = self.load(running, "storm", 1000, 20_000, 1, PATIENTS, self.tokens)
        if distinct.more["created"] != 1000 or (one.more["created"], one.more["refused"]) != (1, 999):
            raise SystemExit(f"the storm was not answered as it should be: {distinct} {one}")
        self.verify_once("storm")
        return distinct, one

    def spike(self, rates, seconds):
        """Bookings that come when they are due, at rates that double until it breaks."""
        address = self.database.fresh("bench_1")
        figures = []
        with self.service(address) as running:
            self.wrk(64, 2, "book.lua", first=WARM_UP, tokens=self.tokens)
            first = 0
            for rate in rates:
                figure = self.load(
                    running, "spike", 1000, first, PATIENTS, self.tokens, rate, seconds)
                figures.append((rate, figure))
                first += rate * seconds
                if figure.p99 > 1000 or figure.more["created"] < rate * seconds:
                    break
        self.database.verify()
        return figures

    def load(self, running, mode, connections, *arguments):
        def work(figure):
            text = run(self.tools / "load", mode, PORT, connections, *arguments)
            figure.more = json.loads(text)
            figure.p50, figure.p99 = figure.more["p50"], figure.more["p99"]
            figure.took = figure.more["took"] / 1000
            figure.rate = figure.more["answered"] / figure.took

        return self.watched(running.pid, work)


def latency(text, name):
    """A percentile of wrk's, in milliseconds."""
    found = re.search(rf"^\s*{re.escape(name)}\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[found[2]] if found else 0
