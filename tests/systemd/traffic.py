"""What runs through the service while something happens to it: calls, and how soon it answers."""

import json
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from siplb import (BIN, DEADLINE_S, Peer, SimulatedServers, configuration, group, host_port,
                   listener, new_request, wait_until)

LISTENER = ("127.0.0.1", 5060)
LANES = 8
STORED = 2 * LANES + 1  # UDP and TCP of each lane, and the call tables


def config_for(addresses, **more):
    """Of a listener for UDP and TCP and one group; the key is where systemd says."""
    config = configuration(
        [listener(port=LISTENER[1], transports=["udp", "tcp"])],
        [group(addresses, **more.pop("group_", {}))], workers=2, **more)
    for key in ("key_file", "log", "self_probe"):
        del config["global"][key]
    config["global"]["lanes"] = LANES
    config["metrics"] = {"address": "127.0.0.1:9095"}
    return config


class Callers:
    """`siplb-load call` at a rate until end()."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen(
            [BIN / "siplb-load", "call", "--to", host_port(LISTENER), "--json",
             *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def end(self):
        """Their figures, once the calls that are under way have ended."""
        self._process.terminate()
        return json.loads(self._process.communicate(timeout=2 * DEADLINE_S)[0])

    def end_of_all(self):
        """Their figures, once all calls have ended by themselves."""
        return json.loads(self._process.communicate(timeout=4 * DEADLINE_S)[0])

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate(timeout=DEADLINE_S)


class Connector:
    """Connects over TCP again and again; `refused` counts what a client would see as an outage."""

    def __init__(self):
        self.connected = 0
        self.refused = []
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._is_ending.is_set():
            try:
                socket.create_connection(LISTENER, timeout=DEADLINE_S).close()
                self.connected += 1
            except OSError as error:
                self.refused.append(error)
            self._is_ending.wait(0.002)

    def end(self):
        self._is_ending.set()
        self._thread.join(DEADLINE_S)


class Traffic:
    """Started service, four servers, UDP callers from 32 ports and callers over TCP; inside the
    network of `machine`."""

    def __init__(self, service, rate=100, **more):
        self._service = service
        self._rate = rate
        self._more = more

    def __enter__(self):
        with ExitStack() as stack:
            stack.enter_context(self._service.machine.network())
            servers = stack.enter_context(SimulatedServers(4, ring="50ms"))
            self._service.start(config_for(servers.addresses, **self._more))
            self.servers = servers.addresses
            self.udp = Callers("--rate", self._rate, "--hold", "500ms", "--sources", "32")
            stack.callback(self.udp.kill)
            self.tcp = Callers("--rate", self._rate // 5, "--hold", "500ms", "--transport", "tcp",
                               "--connections", "8", "--sources", "4")
            stack.callback(self.tcp.kill)
            self.connector = Connector()
            stack.callback(self.connector.end)
            self.wait_calls(self._rate)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def wait_calls(self, more):
        """Until so many more requests have come through."""
        def count():
            return self._service.metrics().sum("siplb_messages_forwarded_total")
        # A restart sets the counter back: wait from what it is now.
        base, end = count(), time.monotonic() + DEADLINE_S
        while count() < base + more:
            assert time.monotonic() < end, "calls have stopped"
            time.sleep(0.02)

    def end(self):
        """(figures of UDP, figures of TCP)"""
        self.connector.end()
        return self.udp.end(), self.tcp.end()


def assert_all_well(figures):
    """Every call has succeeded, on one server."""
    assert figures["succeeded"] == figures["started"], (figures["failures"], figures)
    assert figures["stickiness_violations"] == 0, figures


def serving_after(pid, begin):
    """How many milliseconds after `begin` a successor of the process `pid`, which is ending,
    answers a request. It is asked as soon as that is gone: what waits in the kernel is the
    successor's."""
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), f"the end of process {pid}")
    with Peer() as asker:
        asker.send(new_request(asker, "OPTIONS", f"after-{pid}", f"sip:{host_port(LISTENER)}"),
                   LISTENER)
        assert asker.receive().status == 200
    return round((time.monotonic() - begin) * 1000)
