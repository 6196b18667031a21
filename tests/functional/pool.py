"""What tests of health and draining share: servers that answer by a rule which may change while
they run, calls that go on meanwhile, siplbctl, and when siplbd says that something happened.

Such a server says when the kernel had each request, so that a thread that is late proves nothing.
"""

import json
import socket
import struct
import subprocess
import threading
from datetime import datetime

import schema
from siplb import (BIN, DEADLINE_S, Message, Peer, answer, host_port, new_request, receive_any,
                   wait_until)

SO_TIMESTAMPNS = 35  # of asm-generic/socket.h; what comes with a datagram is a timespec
TIMESPEC = struct.Struct("qq")
RETRY_AFTER = ("Retry-After", "300")


def accept(_request):
    return 200


def mute(_request):
    return None


class RuledServer:
    """Over UDP, on a thread of its own. `rule`, which takes a request and says the status of the
    answer or None, may be replaced at any time. No 503 is without its Retry-After."""

    def __init__(self, rule=accept):
        self.rule = rule
        self.requests = []  # (when the kernel had it, the request), in order; no ACK is left out
        self._peer = Peer()
        self._peer.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self):
        return self._peer.address

    def _serve(self):
        while True:
            octets, extra, _, source = self._peer.socket.recvmsg(65536, 64)
            if not octets:
                return
            request = Message.parse(octets)
            seconds, nanoseconds = TIMESPEC.unpack(extra[0][2])
            self.requests.append((seconds + nanoseconds / 1e9, request))
            if request.method != "ACK" and (status := self.rule(request)) is not None:
                response = answer(request, status, self._peer, f"to-{self.address[1]}")
                if status == 503:
                    response.headers.append(RETRY_AFTER)
                self._peer.send(response, source)

    def got(self, method):
        """(time, request) of all with this method."""
        return [(at, request) for at, request in self.requests if request.method == method]

    def calls(self):
        """When each of its calls came, by Call-ID."""
        times = {}
        for at, invite in self.got("INVITE"):
            times.setdefault(invite["Call-ID"], at)
        return times

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with Peer() as last:
            last.send(b"", self.address)
        self._thread.join(DEADLINE_S)
        self._peer.close()


class Calls:
    """`siplb-load call` at a rate, until end()."""

    def __init__(self, siplbd, rate, *arguments):
        self._process = subprocess.Popen(
            [BIN / "siplb-load", "call", "--to", host_port(siplbd.address), "--rate", str(rate),
             "--sources", "16", "--seed", "1", "--json", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def end(self):
        """The callers' figures, once calls that are under way have ended."""
        self._process.terminate()
        return json.loads(self._process.communicate(timeout=2 * DEADLINE_S)[0])

    def end_well(self):
        """The same, of calls that all have succeeded."""
        figures = self.end()
        assert figures["succeeded"] == figures["started"] > 0, figures
        return figures

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate(timeout=DEADLINE_S)


def events_of(siplbd, name, **fields):
    """All of them so far."""
    return [event for event in list(siplbd.events)
            if event["event"] == name and fields.items() <= event.items()]


def time_of(event):
    """As siplbd says: seconds of the wall clock, cut to milliseconds."""
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def happened(siplbd, name, since=0, **fields):
    """When it happened first. Waits for it."""
    def found():
        times = map(time_of, events_of(siplbd, name, **fields))
        return next((at for at in times if at >= since), None)
    return wait_until(found, f"event '{name}' {fields}")


def wait_probed(siplbd, server, count, result="answered"):
    """So many more probes of it have come to this end."""
    has = siplbd.metrics().sum("siplb_probes_total", server=server, result=result)
    siplbd.wait_metric(has + count, "siplb_probes_total", server=server, result=result)


def server_of_new_request(siplbd, client, servers, call_id):
    """Who gets it; it is answered 200."""
    client.send(new_request(client, "MESSAGE", call_id), siplbd.address)
    server, request = receive_any(servers)
    server.send(answer(request, 200), siplbd.address)
    assert client.receive_response().status == 200
    return server


def admin_of(folder):
    """The part of a configuration by which siplbctl can be called."""
    return {"socket": str(folder / "admin.sock"), "read_socket": str(folder / "read.sock")}


class Control:
    """siplbctl as operators call it, for one daemon."""

    def __init__(self, folder):
        self.folder = folder

    def start(self, *arguments, socket="admin.sock"):
        """A process of it that has its streams in pipes."""
        return subprocess.Popen([BIN / "siplbctl", "--socket", self.folder / socket, *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run(self, *arguments, socket="admin.sock"):
        """(exit code, what it prints, what it prints on standard error)"""
        process = self.start(*arguments, socket=socket)
        out, errors = process.communicate(timeout=DEADLINE_S)
        return process.returncode, out, errors

    def __call__(self, *arguments, code=0, socket="admin.sock"):
        """What it prints; on standard error where the code is not 0."""
        ended_with, out, errors = self.run(*arguments, socket=socket)
        assert ended_with == code, out + errors
        return errors if code else out

    def json(self, name, *arguments):
        """What it prints for machines, as the schema says of `name`."""
        return schema.parse(self(*arguments, "--json"), name)

    def servers(self):
        shown = self.json("servers", "show", "servers")["servers"]
        return {server["name"]: server for server in shown}
