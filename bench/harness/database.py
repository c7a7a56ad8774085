"""A PostgreSQL of the benchmark's own, durable as one in use, and fresh data for each measurement."""

import re
import subprocess

from .machine import ROOT, run

# One checkpoint less is one measurement less that has it to itself.
SETTINGS = [
    "fsync=on", "synchronous_commit=on", "shared_buffers=1GB", "max_wal_size=16GB", "checkpoint_timeout=60min",
    "max_connections=200"]
FOLDER = ROOT / ".holdfast" / "bench"


class Database:
    def __init__(self, holdfast):
        self.holdfast = holdfast
        FOLDER.parent.mkdir(exist_ok=True)
        self.uri = run(ROOT / "scripts" / "postgres", "start", FOLDER, *SETTINGS).strip()
        self.data = run(ROOT / "scripts" / "postgres", "folder", FOLDER).strip()
        self.version = self.query("postgres", "SHOW server_version").split()[0]

    def address(self, name):
        return self.uri.replace("/postgres?", f"/{name}?")

    def query(self, name, text):
        return run("psql", "-XAtq", self.address(name), "-c", text).strip()

    def load(self, name, clinics, slots, patients, journal=True):
        """Makes a database to copy from."""
        self.query("postgres", f"DROP DATABASE IF EXISTS {name}")
        self.query("postgres", f"CREATE DATABASE {name}")
        run(self.holdfast, "migrate", "up", "--database-url", self.address(name), cwd=ROOT)
        run(
            "psql", "-Xq", self.address(name), "-v", f"clinics={clinics}", "-v", f"slots={slots}",
            "-v", f"patients={patients}", "-v", f"journal={int(journal)}", "-f", ROOT / "bench" / "data.sql")

    def fresh(self, name):
        """A copy of it, as if nobody had booked yet."""
        self.query("postgres", "DROP DATABASE IF EXISTS run")
        self.query("postgres", f"CREATE DATABASE run TEMPLATE {name} STRATEGY file_copy")
        self.query("postgres", "CHECKPOINT")
        return self.address("run")

    def appointments(self):
        return int(self.query("run", "SELECT count(*) FROM appointments"))

    def write_transactions(self):
        """How many of them the server has seen in all its life."""
        return int(self.query("postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())"))

    def session(self, name, script):
        """A session that goes on; what it prints is read line by line."""
        command = ["psql", "-XAtq", self.address(name)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(script)
        process.stdin.close()
        return process

    def verify(self):
        """Holds all data against every rule."""
        run(self.holdfast, "verify", "--database-url", self.address("run"), cwd=ROOT)

    @property
    def pid(self):
        """The postmaster's."""
        return int(run("head", "-n", "1", f"{self.data}/data/postmaster.pid"))

    @property
    def socket(self):
        return re.search(r"host=([^&]*)", self.uri)[1]

    def stop(self):
        run(ROOT / "scripts" / "postgres", "remove", FOLDER)
