"""What the functional tests share: siplbd as a process, SIP peers on loopback sockets, and sipp.

Nothing here sleeps to be safe: tests wait for an event in the log, a datagram, the end of a
process, or a metric (`wait_until`, a bounded poll). Every port is a free one. Waits are bounded by
DEADLINE_S, which only a defect reaches: it is far longer than a slow machine needs.
"""

import csv
import errno
import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = Path(__file__).resolve().parent / "sipp"
BIN = Path(os.environ["SIPLB_BIN"])
DEADLINE_S = 30

LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def wait_until(condition, what):
    """Polls until condition() is true, and returns what it was; fails the test at the deadline."""
    end = time.monotonic() + DEADLINE_S
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.01)


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def host_port(address):
    """(host, port) as SIP and siplb's file write it."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_host_port(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def free_port(host=LOOPBACK[4]):
    """A port that nobody has over UDP and TCP, for programs that can't be given port 0."""
    while True:
        with (socket.socket(family_of(host), socket.SOCK_DGRAM) as datagrams,
              socket.socket(family_of(host), socket.SOCK_STREAM) as streams):
            datagrams.bind((host, 0))
            port = datagrams.getsockname()[1]
            try:
                streams.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port


# ---- siplbd ------------------------------------------------------------------------------------


class Metrics:
    """One scrape. `sum` adds the series of a name that bear all the given labels."""

    LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
    LABEL = re.compile(r'(\w+)="([^"]*)"')

    def __init__(self, text):
        self.text = text
        self.series = []
        for line in text.splitlines():
            if match := self.LINE.match(line):
                name, labels, value = match.groups()
                self.series.append((name, dict(self.LABEL.findall(labels or "")), float(value)))

    def select(self, name, **labels):
        return [(has, value) for series, has, value in self.series
                if series == name and labels.items() <= has.items()]

    def sum(self, name, **labels):
        found = self.select(name, **labels)
        assert found, f"no series {name} {labels}"
        return sum(value for _, value in found)

    def dropped(self, reason):
        return self.sum("siplb_messages_dropped_total", reason=reason)


class Daemon:
    """A running siplbd. Leaving the `with` block stops it and asserts that it ended well."""

    expected_warning = None  # part of a warning that its configuration draws

    def __init__(self, folder, config, descriptors=None, manager=None):
        """`descriptors`: how many it may have open; nothing: as many as this process. `manager`:
        the notify.ServiceManager that it runs under."""
        self.command = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        self.manager = manager
        self.folder = Path(folder)
        self.file = self.folder / "siplb.yaml"
        self.config = config
        self.events = []
        self.other_lines = []
        self.addresses = {}  # of the listeners, by name
        self._news = threading.Condition()
        self._log_ended = False
        self.start()

    def start(self):
        """Also again, after kill(): with the file as `self.config` then is."""
        write_config(self.file, self.config)
        self._log_ended = False
        self.events.clear()
        command, kept = self.command, ()
        if self.manager:
            command, kept = [*command, *self.manager.command()], self.manager.descriptors()
        self.process = subprocess.Popen([*command, BIN / "siplbd", "--config", self.file],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, pass_fds=kept)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.wait_event("ready")
        for event in self.events:
            if event["event"] == "listening":
                self.addresses[event["listener"]] = parse_host_port(event["address"])

    def _read_log(self):
        for line in self.process.stderr:
            with self._news:
                if line.startswith("{"):
                    self.events.append(json.loads(line))
                elif self.expected_warning is None or self.expected_warning not in line:
                    self.other_lines.append(line)
                self._news.notify_all()
        with self._news:
            self._log_ended = True
            self._news.notify_all()

    def wait_event(self, name):
        def found():
            return next((event for event in self.events if event["event"] == name), None)
        with self._news:
            self._news.wait_for(lambda: found() or self._log_ended, DEADLINE_S)
            assert found(), f"no event '{name}': {self.events} {''.join(self.other_lines)}"
            return found()

    @property
    def address(self):
        """Of the first listener."""
        return self.addresses[self.config["listeners"][0]["name"]]

    def get(self, path):
        """(status, text) of an HTTP request to metrics.address."""
        url = f"http://{host_port(self.addresses['metrics'])}{path}"
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            return answer.status, answer.read().decode()

    def metrics(self):
        return Metrics(self.get("/metrics")[1])

    def wait_metric(self, at_least, name, **labels):
        return wait_until(lambda: self.metrics().sum(name, **labels) >= at_least,
                          f"{name} {labels} >= {at_least}")

    def settle(self):
        """Returns when all that it was sent before has been dealt with, and what was to leave has
        left. Requires: one lane."""
        for options in self.config["listeners"]:
            ours = self.addresses[options["name"]]
            with Peer(ours[0]) as prober:
                prober.send(new_request(prober, "OPTIONS", "settle", f"sip:{host_port(ours)}"),
                            ours)
                assert prober.receive().status == 200

    def assert_conserved(self):
        assert self.metrics().sum("siplb_conservation_difference") == 0

    def kill(self):
        """SIGKILL: no hand-over, nothing is saved."""
        self.process.kill()
        self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)

    def end(self, how=signal.SIGTERM):
        """Its exit code after a signal. Whatever is not an event in the log is a fault."""
        self.process.send_signal(how)
        try:
            code = self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
        self._reader.join(DEADLINE_S)
        assert not self.other_lines, "".join(self.other_lines)
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
            self.process.wait(DEADLINE_S)
            self._reader.join(DEADLINE_S)
            print("".join(self.other_lines), *self.events, sep="\n")  # pytest shows it
            return
        if self.process.poll() is None:
            self.assert_conserved()
            assert self.end() == 0


class PlainDumper(yaml.SafeDumper):
    """Writes what is there twice twice: siplb takes no aliases."""

    def ignore_aliases(self, data):
        return True


def write_config(file, config):
    file.write_text(yaml.dump(config, Dumper=PlainDumper, sort_keys=False))


def listener(name="main", host=LOOPBACK[4], port=0, **more):
    return {"name": name, "address": host_port((host, port)), "role": "both", **more}


def group(addresses, name="pbx", weights=None, transport=None, **more):
    """A group with the servers s1, s2 … at these addresses. Nobody asks for their health, which
    scripted servers do not expect, unless `health` says how."""
    weights = weights or [100] * len(addresses)
    suffix = f";transport={transport}" if transport else ""
    servers = [{"name": f"s{i}", "uri": f"sip:{host_port(address)}{suffix}", "weight": weight}
               for i, (address, weight) in enumerate(zip(addresses, weights), 1)]
    return {"name": name, "servers": servers, "health": "off", **more}


def configuration(listeners, groups, workers=1, **more):
    """Without the OPTIONS that siplbd sends itself: tests count messages."""
    return {
        "global": {"workers": workers, "memory": "128MiB", "key_file": "key",
                   "log": {"format": "json"}, "self_probe": "off", **more.pop("global_", {})},
        "listeners": listeners,
        "groups": groups,
        "limits": {"socket_receive": "1MiB", **more.pop("limits", {})},
        "metrics": {"address": "127.0.0.1:0"},
        **more,
    }


# ---- SIP on a socket ---------------------------------------------------------------------------


class Message:
    """A SIP message, taken apart just far enough for a peer that is under our control."""

    def __init__(self, start, headers, body=""):
        self.start = start
        self.headers = headers  # (name, value), in order
        self.body = body

    @classmethod
    def parse(cls, octets):
        head, _, body = octets.decode("latin-1").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers = [(name.strip(), value.strip())
                   for name, _, value in (line.partition(":") for line in lines)]
        return cls(start, headers, body)

    def encode(self):
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + f"\r\n\r\n{self.body}").encode("latin-1")

    @property
    def is_request(self):
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self):
        return self.start.split()[0] if self.is_request else self["CSeq"].split()[1]

    @property
    def uri(self):
        return self.start.split()[1]

    @property
    def status(self):
        return int(self.start.split()[1])

    def all(self, name):
        return [value for has, value in self.headers if has.lower() == name.lower()]

    def __getitem__(self, name):
        return self.all(name)[0]

    @property
    def branch(self):
        return param(self["Via"], "branch")

    def with_header(self, name, *values):
        """A copy with these values instead of those that `name` has, at the same place."""
        at = next((i for i, (has, _) in enumerate(self.headers) if has.lower() == name.lower()),
                  len(self.headers))
        rest = [(has, value) for has, value in self.headers if has.lower() != name.lower()]
        return Message(self.start, rest[:at] + [(name, value) for value in values] + rest[at:],
                       self.body)


def param(value, name):
    """The parameter `name` of a Via, From, To … value; nothing where it has none."""
    match = re.search(rf";\s*{name}=([^;,>\s]+)", value)
    return match and match.group(1)


def uri_of(value):
    return value.partition("<")[2].partition(">")[0]


def uri_address(uri):
    """Where a sip URI with a literal address and a port leads."""
    return parse_host_port(uri.removeprefix("sip:").rpartition("@")[2].partition(";")[0])


class End:
    """What can send and receive SIP. Messages that have come wait in `inbox`."""

    def __init__(self):
        self.inbox = deque()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def receive(self):
        return receive_any([self])[1]

    def receive_response(self):
        """The next but for 100: siplb answers that itself to an INVITE after 200 ms."""
        while (response := self.receive()).status == 100:
            pass
        return response


class Peer(End):
    """A UDP socket that speaks SIP: a client, or a server that answers as its test says."""

    transport = "UDP"

    def __init__(self, host=LOOPBACK[4], port=0):
        super().__init__()
        self.socket = socket.socket(family_of(host), socket.SOCK_DGRAM)
        # As much as the kernel grants without privilege: bursts are read late here.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, port))
        self.address = self.socket.getsockname()[:2]
        self.uri = f"sip:peer@{host_port(self.address)}"
        self.heard_from = set()  # addresses that datagrams came from

    def close(self):
        self.socket.close()

    def send(self, message, to):
        octets = message.encode() if isinstance(message, Message) else message
        self.socket.sendto(octets, to)

    def sockets(self):
        return [self.socket]

    def take_from(self, ready):
        octets, source = ready.recvfrom(65536)
        self.heard_from.add(source[:2])
        self.inbox.append(Message.parse(octets))

    def hears(self, timeout=0):
        """Whether a datagram is there."""
        return bool(self.inbox or wait_readable([self.socket], timeout))


def wait_readable(sockets, timeout):
    """Those that have something to be read."""
    poll = select.poll()
    by_descriptor = {each.fileno(): each for each in sockets}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    return [by_descriptor[descriptor] for descriptor, _ in poll.poll(timeout * 1000)]


class Phone(Peer):
    """A client that may be behind a NAT: it asks for answers by the way it came (RFC 3581)."""

    def send(self, message, to):
        if message.is_request:
            message = message.with_header("Via", f"{message['Via']};rport")
        super().send(message, to)


def receive_any(peers):
    """(peer, message) of the next message to one of the peers."""
    while True:
        for peer in peers:
            if peer.inbox:
                return peer, peer.inbox.popleft()
        owners = {each: peer for peer in peers for each in peer.sockets()}
        assert owners, "all connections have ended"
        ready = wait_readable(owners, DEADLINE_S)
        assert ready, f"nothing came within {DEADLINE_S} s"
        owners[ready[0]].take_from(ready[0])


def addresses_of(peers):
    return [peer.address for peer in peers]


def new_request(peer, method, call_id, uri="sip:bob@example.com", cseq=1, branch=None):
    """A request outside a dialog. All its values follow from the arguments, so runs repeat."""
    branch = branch or f"z9hG4bK-{call_id}-{cseq}"
    return Message(f"{method} {uri} SIP/2.0", [
        ("Via", f"SIP/2.0/{peer.transport} {host_port(peer.address)};branch={branch}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:alice@example.com>;tag=from-{call_id}"),
        ("To", f"<{uri}>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} {method}"),
        ("Contact", f"<{peer.uri}>"),
        ("Content-Length", "0"),
    ])


def answer(request, status, peer=None, to_tag=None):
    """An answer as a server makes it (RFC 3261, 8.2.6.2, 12.1.1)."""
    to = request["To"]
    if to_tag and not param(to, "tag"):
        to += f";tag={to_tag}"
    headers = [("Via", via) for via in request.all("Via")]
    headers += [("Record-Route", value) for value in request.all("Record-Route")]
    headers += [("From", request["From"]), ("To", to), ("Call-ID", request["Call-ID"]),
                ("CSeq", request["CSeq"])]
    if peer:
        headers.append(("Contact", f"<{peer.uri}>"))
    return Message(f"SIP/2.0 {status} Whatever", [*headers, ("Content-Length", "0")])


def hop_ack(invite, refusal):
    """The ACK to a non-2xx: the INVITE's own Via and Route (RFC 3261, 17.1.1.3)."""
    cseq = invite["CSeq"].split()[0]
    return Message(invite.start.replace("INVITE", "ACK", 1), [
        ("Via", invite["Via"]), *(("Route", route) for route in invite.all("Route")),
        ("Max-Forwards", "70"), ("From", invite["From"]), ("To", refusal["To"]),
        ("Call-ID", invite["Call-ID"]), ("CSeq", f"{cseq} ACK"), ("Content-Length", "0")])


def cancel(invite):
    cseq = invite["CSeq"].split()[0]
    return Message(invite.start.replace("INVITE", "CANCEL", 1), [
        ("Via", invite["Via"]), ("Max-Forwards", "70"), ("From", invite["From"]),
        ("To", invite["To"]), ("Call-ID", invite["Call-ID"]), ("CSeq", f"{cseq} CANCEL"),
        ("Content-Length", "0")])


@dataclass
class Dialog:
    """One end of a dialog: what it puts into the requests that it sends to the other."""
    peer: Peer
    call_id: str
    local: str
    remote: str
    target: str
    routes: list
    first_hop: tuple = None  # where nothing is said: as the routes lead
    cseq: int = 100

    def __post_init__(self):
        if not self.first_hop:
            self.first_hop = uri_address(uri_of(self.routes[0]) if self.routes else self.target)

    @classmethod
    def of_caller(cls, peer, response):
        return cls(peer, response["Call-ID"], response["From"], response["To"],
                   uri_of(response["Contact"]), response.all("Record-Route")[::-1])

    @classmethod
    def of_callee(cls, peer, invite, to_tag):
        return cls(peer, invite["Call-ID"], f"{invite['To']};tag={to_tag}", invite["From"],
                   uri_of(invite["Contact"]), invite.all("Record-Route"))

    def request(self, method, cseq=None):
        if cseq is None:
            self.cseq += 1
        number = cseq or self.cseq
        request = new_request(self.peer, method, self.call_id, self.target, number,
                              branch=f"z9hG4bK-{param(self.local, 'tag')}-{method}-{number}")
        request = request.with_header("From", self.local).with_header("To", self.remote)
        request.headers[1:1] = [("Route", route) for route in self.routes]
        return request

    def send(self, method, cseq=None):
        request = self.request(method, cseq)
        self.peer.send(request, self.first_hop)
        return request


@dataclass
class Call:
    """A call that has been set up, with both of its ends."""
    server: Peer
    caller: Dialog
    callee: Dialog


def set_up_call(client, proxy, servers, call_id, invite=None):
    """INVITE, 200, ACK; the server that got the INVITE has to get the ACK."""
    client.send(invite or new_request(client, "INVITE", call_id), proxy)
    server, invite = receive_any(servers)
    return finish_call(client, servers, server, invite)


def finish_call(client, servers, server, invite):
    """200 and ACK for an INVITE that has reached `server`."""
    to_tag = f"to-{server.address[1]}"
    server.send(answer(invite, 200, server, to_tag), uri_address(f"sip:{sent_by(invite)}"))
    response = client.receive_response()
    assert response.status == 200, response.start
    call = Call(server, Dialog.of_caller(client, response),
                Dialog.of_callee(server, invite, to_tag))
    call.caller.send("ACK", cseq=1)
    at, ack = receive_any(servers)
    assert (at, ack.method, ack["Call-ID"]) == (server, "ACK", invite["Call-ID"])
    return call


def sent_by(message):
    return message["Via"].split()[1].partition(";")[0]


def exchange(sender, receiver, others, method):
    """A request within a dialog and its 200: `receiver` gets it, and none of `others`."""
    request = sender.send(method)
    at, received = receive_any([receiver.peer, *others])
    assert at is receiver.peer, f"{method} of {sender.call_id} came to {at.address}"
    assert (received.method, received["Call-ID"]) == (method, sender.call_id)
    at.send(answer(received, 200, at), uri_address(f"sip:{sent_by(received)}"))
    response = sender.peer.receive()
    assert (response.status, response["CSeq"]) == (200, request["CSeq"])


# ---- sipp --------------------------------------------------------------------------------------


class Sipp:
    """One sipp process. Its figures come from the statistics file that it writes each second."""

    def __init__(self, folder, name, arguments):
        self.figures_file = Path(folder) / f"{name}.csv"
        self.errors = Path(folder) / f"{name}.errors"
        command = ["sipp", *map(str, arguments), "-nostdin", "-max_socket", "4096",
                   "-trace_stat", "-stf", self.figures_file, "-fd", "1",
                   "-trace_err", "-error_file", self.errors,
                   "-timeout", f"{4 * DEADLINE_S}s", "-timeout_error"]
        # sipp draws on its terminal even where it has none.
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "TERM": "xterm"})

    def figures(self):
        """The latest, by name: the cumulative ones."""
        with self.figures_file.open(newline="") as file:
            rows = [row for row in csv.DictReader(file, delimiter=";") if None not in row.values()]
        names = ("IncomingCall", "SuccessfulCall", "FailedCall", "OutOfCallMsgs")
        return {name: int(rows[-1][f"{name}(C)"]) if rows else 0 for name in names}

    def wait(self):
        """Its figures at its end. A sipp with failed calls ends with an exit code of its own."""
        self.process.wait(5 * DEADLINE_S)
        errors = self.errors.read_text()[:4000] if self.errors.exists() else ""
        assert self.process.returncode == 0, errors
        return self.figures()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(DEADLINE_S)


def sipp_server(folder, name, host, scenario=("-sn", "uas"), transport="u1"):
    """A sipp that answers on a free port; returns once it listens, with its `address`."""
    port = free_port(host)
    server = Sipp(folder, name, [*scenario, "-i", host, "-p", port, "-t", transport])
    server.address = (host, port)
    kind = "udp" if transport.startswith("u") else "tcp"
    wait_until(lambda: is_bound(host, port, kind) or server.process.poll() is not None,
               f"sipp on port {port}")
    assert server.process.poll() is None, f"sipp did not start on port {port}"
    return server


SOCKET_STATES = {"udp": "07", "tcp": "0A"}  # of one that takes what comes


def is_bound(host, port, kind="udp"):
    table = Path(f"/proc/net/{kind}{'6' if ':' in host else ''}")
    rows = (line.split() for line in table.read_text().splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == SOCKET_STATES[kind] for row in rows)


# ---- siplb-load --------------------------------------------------------------------------------


class SimulatedServers:
    """`siplb-load serve` with `count` servers, s1 and so on; leaving the `with` block ends it."""

    def __init__(self, count, *arguments, ring="off"):
        self.process = subprocess.Popen(
            [BIN / "siplb-load", "serve", "--listen", "127.0.0.1:0", "--count", str(count),
             "--json", "--ring", ring, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        servers = json.loads(self.process.stdout.readline())["servers"]
        self.addresses = [parse_host_port(server["address"]) for server in servers]

    def end(self):
        """What they saw, all in all."""
        self.process.terminate()
        return json.loads(self.process.communicate(timeout=DEADLINE_S)[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.process.terminate()
            self.process.communicate(timeout=DEADLINE_S)


def place_calls(siplbd, calls, *arguments, pace=("--window", "16")):
    """(exit code, figures) of `siplb-load call` through siplbd, from many source ports."""
    run = subprocess.run(
        [BIN / "siplb-load", "call", "--to", host_port(siplbd.address), "--calls", str(calls),
         *pace, "--sources", "16", "--seed", "1", "--json", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=4 * DEADLINE_S)
    return run.returncode, json.loads(run.stdout)
