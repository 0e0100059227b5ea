"""The servers that the benchmarks compare, and one run of the generator against one of them.

The server is pinned to CPU 0, the generator to CPU 1. CPU is that of all threads of the server's
process, from the scheduler's own counters.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RELEASE = ROOT / "build" / "release"
SERVER_CPU = 0
GENERATOR_CPU = 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read().decode()


class Server:
    """One server process on a free port, gone at the end of the `with`."""

    is_floor = True

    def __enter__(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), *map(str, self.command())], cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 15
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"{self.name} did not start")
            time.sleep(0.02)
        time.sleep(0.1)  # that probe's connection is gone
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def frames_and_writes(self):
        """(frames, write calls) so far; nothing where the server does not count them."""
        return None


class Floor(Server):
    name = "floor"

    def command(self):
        return [RELEASE / "floor_server", self.port]

    def frames_and_writes(self):
        stats = json.loads(get(self.port, "/stats"))
        return stats["frames"], stats["writes"]


class Uws(Server):
    name = "uWebSockets"

    def command(self):
        return ["node", "bench/uws/server.mjs", self.port]


class Millrace(Server):
    """Production defaults: metrics and limits on; one loop, as there is one core."""

    name = "millrace"
    is_floor = False
    more = {}  # settings beside the defaults

    def command(self):
        self.metrics_port = free_port()
        settings = {"host": "127.0.0.1", "port": self.port, "loops": 1,
                    "metrics": {"host": "127.0.0.1", "port": self.metrics_port},
                    "apps": [{"id": "app-id", "key": "app-key", "secret": "app-secret"}],
                    **self.more}
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(settings, self.file)
        self.file.flush()
        return [RELEASE / "millrace", "--config", self.file.name]

    def __exit__(self, *_):
        super().__exit__()
        self.file.close()

    def frames_and_writes(self):
        text = get(self.metrics_port, "/metrics")
        return tuple(int(sum(float(v) for v in re.findall(
            rf"^millrace_ws_{name}_total(?:{{[^}}]*}})? (\S+)$", text, re.M)))
            for name in ("frames_sent", "writes"))


def run(kind, *options):
    """One run of `millrace bench` against a new server; its report, with frames per write."""
    with kind() as server:
        return measure(server, *options)


def measure(server, *options):
    """The same against a server that runs."""
    before = server.frames_and_writes()
    command = ["taskset", "-c", str(GENERATOR_CPU), RELEASE / "millrace", "bench", "--json",
               "--port", server.port, "--server-pid", server.process.pid, *options]
    if server.is_floor:
        command.append("--floor")
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=600)
    if not done.stdout.startswith("{"):
        raise RuntimeError(f"{server.name}: {done.stderr.strip()}")
    report = json.loads(done.stdout)
    after = server.frames_and_writes()
    report["frames_per_write"] = None
    if before and after[1] > before[1]:
        report["frames_per_write"] = (after[0] - before[0]) / (after[1] - before[1])
    return report


def prepare():
    """Builds what is compared; the exit status is that of the first step that fails."""
    subprocess.run(["./dev", "build", "release"], cwd=ROOT, check=True)
    if not (ROOT / "bench" / "uws" / "node_modules" / "uwebsockets").exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                        "--loglevel=error"], cwd=ROOT / "bench" / "uws", check=True)


def machine():
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return (f"{os.cpu_count()} x {cpu.group(1) if cpu else os.uname().machine}, "
            f"Linux {os.uname().release}")
