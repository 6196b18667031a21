"""What the benchmarks run: a subject pinned to one processor, load and simulated servers on the
other. Ports are whatever is free; all processes end with the `with` block they were started in."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUBJECT_CPU, LOAD_CPU = 0, 1


def pinned(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


def cpu_seconds(pid):
    """User and system time of a process, all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / tick, int(fields[12]) / tick


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no memory")


class Subject:
    """A process with an address that is called."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid


class Siplbd(Subject):
    """One worker. `transport` is that of both sides; clients may use `others` as well. Of `spares`
    it gets to know whether they live, and nothing else."""

    def __init__(self, binaries, servers, transport, limits="{}", policy="maglev", others=(),
                 spares=(), health="{}", metrics="off"):
        self.folder = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.folder.name) / "siplb.yaml"
        server_list = ", ".join(
            f'{{name: {kind}{i}, uri: "sip:{address};transport={transport}", weight: {weight}}}'
            for kind, weight, addresses in [("s", 100, servers), ("spare", 0, spares)]
            for i, address in enumerate(addresses, 1))
        config.write_text(f"""
global: {{workers: 1, key_file: key, log: {{format: json}}}}
listeners: [{{name: edge, address: "127.0.0.1:0", transports: [{", ".join([transport, *others])}]}}]
groups: [{{name: pool, policy: {policy}, health: {health}, servers: [{server_list}]}}]
limits: {limits}
metrics: {metrics}
""")
        self.process = subprocess.Popen([binaries / "siplbd", "--config", config],
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=pinned(SUBJECT_CPU))
        addresses = {}
        for line in self.process.stderr:
            event = json.loads(line)
            if event["event"] == "listening":
                addresses[event["listener"]] = event["address"]
            if event["event"] == "ready":
                self.address = addresses["edge"]
                self.metrics_address = addresses.get("metrics")
                return
        raise SystemExit("siplbd does not start")


class Haproxy(Subject):
    """It moves octets, and knows nothing of SIP: one thread, TCP mode."""

    def __init__(self, servers):
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin:"
                                               f"{ROOT / 'build/tools/sbin'}")
        if not program:
            raise SystemExit("haproxy is missing: tools/set-up hand unpack")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = "%s:%d" % probe.getsockname()
        self.folder = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.folder.name) / "haproxy.cfg"
        server_lines = "\n".join(f"  server s{i} {address}"
                                 for i, address in enumerate(servers, 1))
        config.write_text(f"""
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend edge
  bind {self.address}
  default_backend pool
backend pool
{server_lines}
""")
        self.process = subprocess.Popen([program, "-db", "-q", "-f", config],
                                        preexec_fn=pinned(SUBJECT_CPU))
        host, _, port = self.address.rpartition(":")
        while True:
            try:
                socket.create_connection((host, int(port))).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise SystemExit("haproxy does not start")
                time.sleep(0.05)


class Servers(Subject):
    """siplb-load's simulated servers."""

    def __init__(self, binaries, transport, count, behaviour=()):
        self.process = subprocess.Popen(
            [binaries / "siplb-load", "serve", "--listen", "127.0.0.1:0", "--count", str(count),
             "--transport", transport, "--json", *behaviour],
            stdout=subprocess.PIPE, text=True, preexec_fn=pinned(LOAD_CPU))
        servers = json.loads(self.process.stdout.readline())["servers"]
        self.addresses = [server["address"] for server in servers]


class Calls(Subject):
    """siplb-load's calls, sent to the subject's address whatever their route."""

    def __init__(self, binaries, address, transport, options):
        self.process = subprocess.Popen(
            [binaries / "siplb-load", "call", "--to", address, "--outbound", "--transport",
             transport, "--json", *map(str, options)],
            stdout=subprocess.PIPE, text=True, preexec_fn=pinned(LOAD_CPU))

    def __exit__(self, *_):
        self.process.kill()  # A signal that can be caught would let calls wait for their answers.
        self.process.wait()

    def summary(self):
        """Waits for their end."""
        return json.loads(self.process.communicate()[0].splitlines()[-1])
