"""A real systemd, PID 1 of namespaces of its own, with siplb installed there as a service.

`boot` makes the namespaces, this starts and ends it and works in it: programs of systemd run inside
all namespaces, peers and siplb-load only inside its network. Nothing of the host's systemd is used.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import yaml

from network import LIBC, NEW_NETWORK, checked, current_namespace
from siplb import BIN, DEADLINE_S, Metrics, PlainDumper, host_port, wait_until

BOOT = Path(__file__).with_name("boot")
METRICS = ("127.0.0.1", 9095)


def why_not():
    """Why no systemd can run here; nothing where one can."""
    if os.geteuid() != 0:
        return "a systemd of its own needs root"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    probe = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount",
                            "--mount-proc", "--cgroup", "--uts", "--ipc", "--net",
                            "mount", "-t", "tmpfs", "tmpfs", "/tmp"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if probe.returncode != 0:
        return f"namespaces are not permitted: {probe.stderr.strip()}"
    return None


def children(pid):
    """None of a process that has just ended."""
    try:
        return [int(child) for child in
                Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Machine:
    """Leaving the `with` block ends it and all that runs in it."""

    def __enter__(self):
        self._boot = subprocess.Popen([BOOT], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.init = wait_until(self._find_init, "the process that becomes systemd")
        wait_until(lambda: self._is_running(), "systemd")
        self._namespace = os.open(f"/proc/{self.init}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_):
        os.close(self._namespace)
        os.kill(self.init, signal.SIGKILL)
        self._boot.wait(DEADLINE_S)

    def _find_init(self):
        """boot -> unshare -> PID 1."""
        assert self._boot.poll() is None, "boot has failed"
        for unshare in children(self._boot.pid):
            for child in children(unshare):
                return child
        return None

    def _is_running(self):
        assert self._boot.poll() is None, "boot has failed"
        if Path(f"/proc/{self.init}/comm").read_text().strip() != "systemd":
            return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def path(self, inside):
        """Where the host sees a file of its."""
        return Path(f"/proc/{self.init}/root{inside}")

    def run(self, *command, check=True):
        return subprocess.run(["nsenter", "-t", str(self.init), "-a", *map(str, command)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check,
                              timeout=2 * DEADLINE_S)

    @contextmanager
    def network(self):
        """What this thread makes within the `with` block, sockets and processes, is in its
        network."""
        home = current_namespace()
        checked(LIBC.setns(self._namespace, NEW_NETWORK))
        try:
            yield
        finally:
            checked(LIBC.setns(home, NEW_NETWORK))
            os.close(home)

    def host_pid(self, pid):
        """By what number the host knows one of its processes."""
        ours = os.readlink(f"/proc/{self.init}/ns/pid")
        for process in Path("/proc").glob("[0-9]*"):
            try:
                numbers = re.search(r"^NSpid:(.*)$", (process / "status").read_text(), re.M)[1]
                if numbers.split()[-1] == str(pid) and os.readlink(process / "ns/pid") == ours:
                    return int(process.name)
            except OSError:
                continue
        raise AssertionError(f"no process {pid}")


class Service:
    """siplb.service, with a configuration of the test's. One at a time in a machine."""

    UNIT = "siplb.service"
    CONFIG = "/etc/siplb/siplb.yaml"

    def __init__(self, machine):
        self.machine = machine
        self._since = time.time()

    @staticmethod
    def install(machine):
        subprocess.run(["cmake", "--install", BIN.parent, "--prefix", "/usr/local"], check=True,
                       env={**os.environ, "DESTDIR": str(machine.path(""))},
                       stdout=subprocess.DEVNULL)
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create", "siplb.conf")
        machine.run("systemctl", "daemon-reload")

    def write(self, config):
        text = config if isinstance(config, str) else yaml.dump(config, Dumper=PlainDumper,
                                                                sort_keys=False)
        self.machine.path(self.CONFIG).write_text(text)

    def drop_in(self, **settings):
        """Settings of the unit that a test needs otherwise."""
        folder = self.machine.path(f"/run/systemd/system/{self.UNIT}.d")
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}" for name, value in settings.items()]
        (folder / "test.conf").write_text("\n".join(["[Service]", *lines, ""]))
        self.machine.run("systemctl", "daemon-reload")

    def systemctl(self, verb, *arguments, check=True):
        return self.machine.run("systemctl", verb, self.UNIT, *arguments, check=check)

    def start(self, config):
        self.write(config)
        done = self.systemctl("start", check=False)
        assert done.returncode == 0, self.journal()

    def stop(self):
        """And forgets all it knew, also what the descriptor store held."""
        self.systemctl("stop")
        self.systemctl("reset-failed", check=False)
        shutil.rmtree(self.machine.path(f"/run/systemd/system/{self.UNIT}.d"), ignore_errors=True)
        for folder in ("/etc/siplb", "/var/lib/siplb"):
            for file in self.machine.path(folder).iterdir():
                file.unlink()
        self.machine.run("systemctl", "daemon-reload")

    def show(self, name):
        return self.systemctl("show", "--property", name, "--value").stdout.strip()

    def pid(self):
        """The host's number of the running process; nothing where none runs."""
        pid = int(self.show("MainPID"))
        return self.machine.host_pid(pid) if pid else None

    def wait_state(self, state):
        wait_until(lambda: self.show("ActiveState") == state, f"{self.UNIT} is {state}")

    def wait_restarts(self, count):
        """At least so many since it was started by hand, and it is up."""
        wait_until(lambda: int(self.show("NRestarts")) >= count
                   and self.show("SubState") == "running", f"restart number {count}")

    def stored(self):
        """How many descriptors systemd keeps for it."""
        return int(self.show("NFileDescriptorStore"))

    def _journalctl(self, output):
        return self.machine.run("journalctl", "--no-pager", "-o", output, "-u", self.UNIT,
                                f"--since=@{self._since}").stdout

    def journal(self):
        """What it and systemd have logged of it in this test."""
        return self._journalctl("cat")

    def events(self, name):
        """Those of all processes in this test, in order, by the fields that siplbd gives them;
        their `priority` is syslog's."""
        entries = map(json.loads, self._journalctl("json").splitlines())
        return [{field.removeprefix("SIPLB_").lower(): value for field, value in entry.items()
                 if field == "PRIORITY" or field.startswith("SIPLB_")}
                for entry in entries if entry.get("SIPLB_EVENT") == name]

    def metrics(self):
        with self.machine.network(), urllib.request.urlopen(
                f"http://{host_port(METRICS)}/metrics", timeout=DEADLINE_S) as answer:
            return Metrics(answer.read().decode())
