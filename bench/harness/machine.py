"""Processes and what they cost."""

import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")


def describe():
    """The machine, in one line."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return (
        f"{os.cpu_count()} cores ({model[1] if model else os.uname().machine}), "
        f"{int(memory[1]) / 2**20:.0f} GiB, Linux {os.uname().release}")


def run(*command, **options):
    """Runs a command; returns what it prints."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def family(process):
    """A process, its children, and theirs."""
    found = {process}
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def cpu_seconds(process):
    """What a process has used of the processor, with its children, also those that have ended."""
    total = 0
    for member in family(process):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(map(int, fields[11:15 if member == process else 13]))
    return total / TICKS


def load_seconds():
    """What the commands that have ended have used: the load generators."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory(process):
    """Resident memory of a process and its children, in MiB."""
    total = 0
    for member in family(process):
        try:
            found = re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{member}/status").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(found[1]) if found else 0
    return total / 1024


class Server:
    """A process that serves HTTP on a port, for as long as the block runs."""

    def __init__(self, command, port, environment, folder=ROOT):
        self.command, self.port, self.folder = [str(part) for part in command], port, folder
        self.environment = {**os.environ, **environment}

    def __enter__(self):
        self.log = open("/tmp/holdfast-bench-server.log", "w")
        self.process = subprocess.Popen(
            self.command, cwd=self.folder, env=self.environment, stdout=self.log, stderr=self.log)
        for _ in range(400):
            if subprocess.run(
                ["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{self.port}/healthz"], check=False
            ).returncode == 0:
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"{self.command[0]} does not serve; see {self.log.name}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    @property
    def pid(self):
        return self.process.pid
