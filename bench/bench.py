#!/usr/bin/env python3
"""Measures Holdfast against the database's own client and against peers, all in one run.

Everything runs on this machine and on a PostgreSQL of its own (fsync and synchronous_commit on), in rounds
that alternate, because machines have moods: the ratios are what counts, not the figures. Writes
bench/results/bookings.md and bookings.svg; with --size bench/results/size.md.
"""

import argparse
import datetime
import os
import platform
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
from harness.database import Database
from harness.machine import ROOT, describe, run
from harness.measure import PATIENTS, SLOTS, Bench
from harness.report import HEAD, bars, figures, spread, table
from harness.rush import CLIENTS, INSTANCES, SLOTS as RUSH_SLOTS, STORMS, rush

RESULTS = ROOT / "bench" / "results"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="how long each measurement takes")
    parser.add_argument("--verify", action="store_true", help="hold the data against every rule at the end of each")
    parser.add_argument("--size", action="store_true", help="cost against the number of slots instead")
    parser.add_argument("--redis", action="store_true", help="a rush over four instances, with Redis in front, instead")
    parser.add_argument("--slots", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--holdfast", type=Path, default=ROOT / ".build" / "release" / "holdfast")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    tools = ROOT / ".build" / "bench"
    tools.mkdir(parents=True, exist_ok=True)
    run("clang", "-O2", "-D_GNU_SOURCE", "-Wall", "-o", tools / "load", ROOT / "bench" / "load.c")
    database = Database(options.holdfast)
    try:
        bench = Bench(database, options.holdfast, tools)
        if options.size:
            measure_size(bench, database, options)
        elif options.redis:
            measure_redis(bench, database, options)
        else:
            measure_bookings(bench, database, options)
    finally:
        database.stop()


def heading(title, database, made_by="make bench"):
    today = datetime.date.today().isoformat()
    return (
        f"# {title}\n\n{today}, {describe()}; PostgreSQL {database.version}, fsync and synchronous_commit on; "
        f"{platform.python_implementation()} {platform.python_version()} and Debian's packages for the peers. "
        f"The load generator shares the processors. Made by `{made_by}`.\n\n")


def measure_redis(bench, database, options):
    say("loading the data")
    database.load("bench_1", 1, SLOTS, PATIENTS)
    found = {False: [], True: []}
    for number in range(1, options.rounds + 1):
        for is_guarded, rounds in found.items():
            rounds.append(rush(bench, is_guarded))
            say(f"round {number}: {'with' if is_guarded else 'without'} Redis: {rounds[-1]}")
    lines = [
        ("bookings made", "created", 0), ("took, s, all storms", "took", 2), ("p99 of the worst storm, ms", "p99", 0),
        ("writing transactions", "transactions", 0), ("PostgreSQL, s of processor", "database", 2),
        ("the instances, likewise", "services", 2), ("Redis, likewise", "redis", 2),
        ("sessions that wait for a lock, mean", "waiting", 2)]
    rows = [
        [name] + [spread([getattr(one, key) for one in found[side]], digits) for side in (False, True)]
        for name, key, digits in lines]
    text = heading("A rush over several instances", database, "make bench-redis")
    text += (
        f"{CLIENTS:,} clients want {RUSH_SLOTS} slots at the same instant, over {INSTANCES} instances; {STORMS} such "
        f"storms a round, {options.rounds} rounds that alternate. Each client asks once. With Redis there are five "
        "servers of it.\n\n")
    text += table(["", "PostgreSQL alone", "with Redis in front"], rows)
    (RESULTS / "redis.md").write_text(text)


def measure_bookings(bench, database, options):
    say("loading the data")
    database.load("bench_1", 1, SLOTS, PATIENTS)
    database.load("bench_100", 100, SLOTS, PATIENTS)
    ours, seconds = bench.service, options.seconds
    # What is compared stands side by side: the machine's mood lasts for minutes.
    measurements = {}
    for clients, connections in ((1, 1), (8, 16), (16, 64), (32, 256)):
        measurements[f"pgbench, {clients} clients"] = lambda n=clients: bench.pgbench(n, seconds)
        measurements[f"Holdfast, {connections} connections"] = lambda n=connections: bench.bookings(
            ours, n, seconds)
    for connections in (64, 256):
        measurements[f"Holdfast, {connections}, each with a key"] = lambda n=connections: bench.bookings(
            ours, n, seconds, keys=1)
    measurements["Holdfast, 256, 100 clinics"] = lambda: bench.bookings(
        ours, 256, seconds, template="bench_100", clinics=100)
    measurements["Holdfast, 256, 100 hot slots"] = lambda: bench.bookings(ours, 256, seconds, slots=100)
    for connections in (64, 256):
        measurements[f"Node, {connections} connections"] = lambda n=connections: bench.bookings(
            bench.node_peer, n, seconds)
        measurements[f"Python, {connections} connections"] = lambda n=connections: bench.bookings(
            bench.python_peer, n, seconds)
    found = {name: [] for name in measurements}
    storms, spikes = [], []
    for number in range(1, options.rounds + 1):
        bench.verifies = options.verify and number == options.rounds
        for name, measure in measurements.items():
            figure = measure()
            found[name].append(figure)
            say(f"round {number}: {name}: {figure.rate:,.0f} a second, p50 {figure.p50:.1f} ms")
        storms.append(bench.storm())
        say(f"round {number}: 1,000 at once: {storms[-1][0].took:.3f} s; on one slot {storms[-1][1].took:.3f} s")
    spikes = bench.spike([250 * 2**n for n in range(8)], seconds)
    thousand = bench.bookings(ours, 1000, seconds)

    rate = lambda name: [figure.rate for figure in found[name]]
    best = max((name for name in found if name.startswith("pgbench")), key=lambda name: median(rate(name)))
    peer = max((name for name in found if name.startswith(("Node", "Python"))), key=lambda n: median(rate(n)))
    ratio = lambda name, to: [a / b for a, b in zip(rate(name), rate(to))]
    latency = [
        ours.p50 / theirs.p50
        for ours, theirs in zip(found["Holdfast, 1 connections"], found["pgbench, 1 clients"])]
    memory = median(figure.memory for figure in found["Holdfast, 256 connections"])
    ratios = [
        ["bookings a second, 64 connections, against pgbench's best",
         spread(ratio("Holdfast, 64 connections", best), 2), "2.5", "4"],
        ["the same, 256 connections", spread(ratio("Holdfast, 256 connections", best), 2), "2.5", "4"],
        ["256 connections, against the better peer", spread(ratio("Holdfast, 256 connections", peer), 2), "5", "8"],
        ["p50 of a booking at 1 connection, against pgbench's at 1 client", spread(latency, 2),
         "at most 1.6", "1.0"],
        ["1,000 clients on one slot, against 1,000 on slots of their own",
         spread([one.took / distinct.took for distinct, one in storms], 2), "at most 1", "0.5"],
        ["resident memory at 256 connections, MiB", f"{memory:.0f}", "at most 64", "40"],
    ]
    text = heading("Bookings", database)
    text += f"![]({'bookings.svg'})\n\n## Against the aims\n\nMedians of {options.rounds} rounds, with the least "
    text += f"and the most. pgbench's best was with {best.removeprefix('pgbench, ')}, the better peer {peer}.\n\n"
    text += table(["ratio in one round", "found", "at least", "aim"], ratios)
    text += "\n## Bookings as fast as they can be had\n\nService, PostgreSQL and load: processors in use.\n\n"
    rows = [figures(name, rounds) for name, rounds in found.items()]
    text += table(HEAD, rows + [figures("Holdfast, 1000 connections (one round)", [thousand])])
    text += "\n## 1,000 clients at the same instant\n\n"
    text += table(
        ["", "until all are answered, ms"],
        [["each on a slot of its own", spread([distinct.took * 1000 for distinct, _ in storms])],
         ["all on one slot", spread([one.took * 1000 for _, one in storms])]])
    text += (
        "\n## A morning spike\n\nBookings that come when they are due, over 1,000 connections; a latency counts "
        "from when the booking was due. The rate doubles until p99 is above a second or something is refused.\n\n")
    text += table(
        ["asked for a second", "booked", "refused, unanswered", "p50 ms", "p99 ms", "service", "PostgreSQL", "load"],
        [[f"{asked:,}", f"{figure.more['created']:,}", asked * seconds - figure.more["created"],
          f"{figure.p50:.1f}", f"{figure.p99:.1f}", f"{figure.service:.2f}", f"{figure.database:.2f}",
          f"{figure.load:.2f}"] for asked, figure in spikes])
    (RESULTS / "bookings.md").write_text(text)
    shown = [best, "Node, 256 connections", "Python, 256 connections"] + [
        name for name in found if name.startswith("Holdfast, ") and ("64" in name or "256" in name)]
    (RESULTS / "bookings.svg").write_text(
        bars(
            "Bookings a second over HTTP", f"medians of {options.rounds} rounds; {describe()}",
            [(name, median(rate(name)), name.startswith("Holdfast")) for name in shown]))
    print(text)


def measure_size(bench, database, options):
    """Booking, search and list, one after the other, with more and more slots there."""
    found = {}
    for slots in options.slots:
        say(f"loading {slots:,} slots")
        database.load(f"size_{slots}", 1, slots, PATIENTS, journal=False)
    for number in range(1, options.rounds + 1):
        for slots in options.slots:
            address = database.fresh(f"size_{slots}")
            with bench.service(address) as running:
                common = {"tokens": bench.tokens, "patients": PATIENTS}
                bench.wrk(1, 2, "book.lua", first=0, **common)
                booked = bench.wrk(1, options.seconds, "book.lua", first=slots // 2, **common)
                if booked["refused"]:
                    raise SystemExit(f"{booked['refused']:.0f} of the bookings were refused: too few slots")
                listed, searched = (
                    bench.wrk(1, options.seconds, "read.lua", what=what) for what in ("list", "search"))
            found.setdefault(slots, []).append((booked["p50"], searched["p50"], listed["p50"]))
            say(f"round {number}, {slots:,} slots: {found[slots][-1]} ms")
    least = options.slots[0]
    text = heading("Cost against size", database, "make bench-size")
    text += "One connection, p50 in ms: medians of the rounds, with the least and the most.\n\n"
    rows = []
    for slots in options.slots:
        columns = list(zip(*found[slots]))
        ratio = [a[0] / b[0] for a, b in zip(found[slots], found[least])]
        rows.append([f"{slots:,}", *(spread(values, 2) for values in columns), spread(ratio, 2)])
    text += table(
        ["slots", "booking", "search: 10 free ones", "list: 50 of a practitioner", f"booking, against {least:,}"], rows)
    (RESULTS / "size.md").write_text(text)
    print(text)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
