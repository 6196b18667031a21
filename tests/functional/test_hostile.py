"""What malicious clients may try on a listener of role `clients`.

A hundred thousand messages that name a third party wherever a message can name somebody; identities
that only servers may claim; a source address that is forged; and how much siplb sends to an address
for what it gets in its name. `pytest -rP` shows the figures.
"""

import random
import re
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from siplb import (LOOPBACK, ROOT, Daemon, Dialog, Message, Peer, addresses_of, answer,
                   configuration, free_port, group, host_port, listener, new_request,
                   param, receive_any, sent_by, set_up_call, uri_address, uri_of)

SEED = 1
MESSAGES = 100_000
BATCH = 100  # fits into any receive buffer, and so does what servers get for it
THIRD_PARTY = "127.0.0.9"
ATTACKER = "127.0.0.66"
CORPUS = ("rfc4475", "rfc5118", "invalid", "stacks")
POLICY = {"remove": ["P-Asserted-Identity", "Referred-By", "X-Secret-*"], "source": "X-From"}


def two_listeners(**outside):
    return [listener("outside", role="clients", **outside), listener("inside", role="servers")]


# ---- a hundred thousand messages -----------------------------------------------------------------


class ThirdParty:
    """A raw socket: whatever comes to its address is heard, to whichever port."""

    def __init__(self, stack):
        self.peer = stack.enter_context(Peer(THIRD_PARTY))
        try:
            self.ear = stack.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP))
        except PermissionError:  # not root: its port only
            self.ear = self.peer.socket
        else:
            self.ear.bind((THIRD_PARTY, 0))
        self.ear.setblocking(False)

    def heard(self):
        try:
            return self.ear.recv(65536)
        except BlockingIOError:
            return None

    def forget(self):
        """What it has heard rightly; it can hear."""
        assert self.heard()
        while self.heard():
            pass


TOKEN = r"[\w.!%*+`'~-]+"
LONG_NAMES = {"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "l": "Content-Length",
              "m": "Contact", "b": "Referred-By"}


def parse_strictly(octets):
    """A request as a server gets it: well-formed, with what RFC 3261, 8.1.1 demands, and in it
    nothing that the policy takes out."""
    head, end, body = octets.decode("latin-1").partition("\r\n\r\n")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    assert end and re.fullmatch(rf"{TOKEN} \S+ SIP/2\.0", start), octets
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        assert colon and re.fullmatch(TOKEN, name), octets
        headers.append((LONG_NAMES.get(name.lower(), name), value.strip()))
    request = Message(start, headers, body)
    for name in ("From", "To", "Call-ID", "CSeq", "Max-Forwards"):
        assert len(request.all(name)) == 1, octets
    assert request["CSeq"].split()[1] == request.method, octets
    assert param(request["Via"], "slb"), octets
    assert [len(body)] * len(request.all("Content-Length")) == [
        int(length) for length in request.all("Content-Length")], octets
    for name, _ in headers:
        assert name.lower() not in ("p-asserted-identity", "referred-by"), octets
        assert not name.lower().startswith("x-secret-"), octets
    return request


@dataclass
class Loot:
    """Genuine seals that an attacker may have come by: of a call, and of two registrations."""
    call_id: str
    from_tag: str
    vias: list
    tokens: list


class Attacker:
    """Makes messages that name the third party, by chance and the same each time."""

    def __init__(self, chance, third, ours, loot):
        self.chance, self.loot = chance, loot
        host = third.partition(":")[0]
        tampered = [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
                    for text in loot.tokens for at in chance.sample(range(len(text)), 8)]
        self.uris = [
            f"sip:{third}", f"sip:bob@{third}", f"sip:bob@{third};lr", f"sip:bob@{host}",
            f"sip:{ours};maddr={host}", f"sip:bob@{ours};maddr={host};transport=udp",
            f"sip:bob%40{third}@{ours}", f"sip:{ours}?Route=%3Csip:{third}%3E",
            f"sips:bob@{third}", f"sip:bob@{third};transport=tcp", "tel:+15551234",
            f"sip:{ours}", f"sip:bob@{ours};lr", "sip:bob@example.com",
            *(f"sip:{token}@{at};lr" for token in [*loot.tokens, *tampered]
              for at in (ours, third))]
        self.vias = [
            f"SIP/2.0/UDP {third}", f"SIP/2.0/UDP {third};rport", f"SIP/2.0/UDP {host};rport=5060",
            f"SIP/2.0/UDP {third};received={host};rport={third.rpartition(':')[2]}",
            f"SIP/2.0/UDP {third};maddr={host}", f"SIP/2.0/UDP {ours}", f"SIP/2.0/TCP {third}",
            f"SIP/2.0/UDP {ours};received={host}"]
        self.identities = [
            f"{name}{colon} <sip:{third}>" for name in
            ("P-Asserted-Identity", "p-asserted-IDENTITY", "b", "REFERRED-BY", "X-secret-Key")
            for colon in (":", " \t:", ":\r\n ")]
        self.corpus = [self._name_the_third(file.read_bytes(), third.encode())
                       for folder in CORPUS
                       for file in sorted((ROOT / "tests/corpus" / folder).iterdir())]
        assert len(self.corpus) > 100
        self.pieces = [piece.encode() for piece in [
            third, f";maddr={host}", f";received={host}", f"Route: <sip:{third};lr>\r\n", "\r\n",
            "\r\n\r\n", "\r", "\n", " ", "\t", ":", ",", ";", "<", ">", '"', "@", "\0", "\xff",
            "SIP/2.0", *(identity + "\r\n" for identity in self.identities)]]

    @staticmethod
    def _name_the_third(octets, third):
        """A message of the corpus with all its hosts replaced."""
        head, end, body = octets.partition(b"\r\n\r\n")
        host = rb"(?:\d+\.){3}\d+(?::\d+)?|(?:[a-z0-9-]+\.)+(?:com|org|net|example)(?::\d+)?"
        return re.sub(host, third, head) + end + body

    def message(self, number):
        """One message. `number` makes a new transaction of it."""
        make = self.chance.choices([self._mutated, self._request, self._response], [4, 5, 1])[0]
        return make(number)

    def _mutated(self, number):
        octets = self.chance.choice(self.corpus)
        octets = octets.replace(b"z9hG4bK", b"z9hG4bK%d" % number, 1)
        octets = re.sub(rb"(?i)\n(Call-ID|i) *: *", rb"\g<0>%d-" % number, octets, count=1)
        for _ in range(self.chance.choice([0, 1, 1, 2, 4])):
            at = self.chance.randrange(len(octets) + 1)
            end = at + int(self.chance.expovariate(0.1))
            octets = octets[:at] + self.chance.choice([
                b"", octets[at:end] * 2, self.chance.choice(self.pieces),
                bytes([self.chance.randrange(256)])]) + octets[end:]
        return octets

    def _request(self, number):
        pick, chance = self.chance.choice, self.chance
        method = pick(["INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "MESSAGE",
                       "SUBSCRIBE", "NOTIFY", "REFER", "INFO", "UPDATE", "PRACK", "X-ODD"])
        is_of_the_call = chance.random() < 0.2
        from_tag = pick([self.loot.from_tag, "forged"]) if is_of_the_call else f"from-{number}"
        lines = [f"{method} {pick(self.uris)} SIP/2.0"]
        lines += [f"Via: {pick(self.vias)};branch=z9hG4bK-{number}-{i}"
                  for i in range(chance.choice([1, 1, 1, 2, 3]))]
        lines += [f"Via: {via}" for via in self.loot.vias if chance.random() < 0.1]
        lines += [f"Route: <{pick(self.uris)}>" for _ in range(chance.choice([0, 0, 1, 1, 2, 3]))]
        lines += [f"{name}: <{pick(self.uris)}>" for name in
                  ("Record-Route", "Path", "Service-Route", "Reply-To") if chance.random() < 0.1]
        to_tag = pick(["", "", "", ";tag=to"])
        lines += [
            f"Max-Forwards: {pick([0, 1, 70, 70, 70, 255])}",
            f"From: <{pick(self.uris)}>;tag={from_tag}",
            f"To: <{pick(self.uris)}>{to_tag}",
            f"Call-ID: {self.loot.call_id if is_of_the_call else number}",
            f"CSeq: {number} {method}", f"Contact: <{pick(self.uris)}>"]
        lines += [pick(self.identities) for _ in range(chance.choice([0, 0, 1, 2]))]
        return ("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode()

    def _response(self, number):
        pick = self.chance.choice
        method = pick(["INVITE", "BYE", "OPTIONS"])
        own = pick(self.loot.vias)
        if self.chance.random() < 0.5:
            at = self.chance.randrange(len(own))
            own = own[:at] + pick("az09;=") + own[at + 1:]
        lines = [f"SIP/2.0 {pick([100, 180, 200, 302, 404, 487, 503])} Forged", f"Via: {own}"]
        lines += [f"Via: {pick(self.vias)};branch=z9hG4bK-{number}-{i}"
                  for i in range(pick([0, 1, 2]))]
        lines += [f"From: <{pick(self.uris)}>;tag={self.loot.from_tag}",
                  f"To: <{pick(self.uris)}>;tag=to", f"Call-ID: {self.loot.call_id}",
                  f"CSeq: 1 {method}", f"Contact: <{pick(self.uris)}>", "Content-Length: 0"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def resident_kib(siplbd):
    with open(f"/proc/{siplbd.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def user_of(value):
    return uri_of(value).partition(":")[2].partition("@")[0]


def loot_of(siplbd, servers, client, third):
    """Of a call of `client`, and of registrations of both: what the server saw of them."""
    outside = siplbd.addresses["outside"]
    vias, tokens = [], []
    for peer in (client, third):
        register = new_request(peer, "REGISTER", f"registration-{peer.address[0]}")
        peer.send(register.with_header("Supported", "path"), outside)
        server, arrived = receive_any(servers)
        server.send(answer(arrived, 200, server, "to"), uri_address(f"sip:{sent_by(arrived)}"))
        assert peer.receive().status == 200
        vias.append(arrived["Via"])
        tokens += [user_of(path) for path in arrived.all("Path") if "@" in path]
    call = set_up_call(client, outside, servers, "call")
    tokens += [user_of(route) for route in call.caller.routes if "@" in route]
    assert len(tokens) == 3
    return call, Loot("call", "from-call", vias, tokens)


def believe(request, server, siplb):
    """What a server does that takes all of it for true and has siplb for its outbound proxy: it
    accepts, and ends each call at once, at the Contact and by the Record-Routes that are named."""
    if request.method == "ACK":
        return
    server.send(answer(request, 200, server, "to"), siplb)
    if request.method == "INVITE" and request.all("Contact"):
        Dialog(server, request["Call-ID"], f"{request['To']};tag=to", request["From"],
               uri_of(request["Contact"]), request.all("Record-Route"), first_hop=siplb).send("BYE")


def end_amid_leftovers(call):
    """The call goes on to the end, whatever else has come to its ends."""
    for peer in (call.caller.peer, call.server):
        while peer.hears():
            peer.receive()
    bye = call.caller.send("BYE")
    while (arrived := call.server.receive()).start != bye.start:
        pass
    call.server.send(answer(arrived, 200), uri_address(f"sip:{sent_by(arrived)}"))
    while (response := call.caller.peer.receive()).is_request:
        pass
    assert (response.status, response["Call-ID"]) == (200, call.caller.call_id)


def test_hostile_messages_reach_no_third_party(tmp_path):
    with ExitStack() as stack:
        third = ThirdParty(stack)
        attacker = stack.enter_context(Peer(ATTACKER))
        client, *servers = (stack.enter_context(Peer()) for _ in range(3))
        config = configuration(
            two_listeners(headers=POLICY), [group(addresses_of(servers), listener="inside")],
            routes=[{"name": "registrations", "match": {"methods": ["REGISTER"]}, "group": "pbx",
                     "path": "auto"},
                    {"name": "rest", "group": "pbx"}],
            global_={"lanes": 1}, limits={"transactions": 1024, "calls": 1024})
        siplbd = stack.enter_context(Daemon(tmp_path, config))
        outside, inside = (siplbd.addresses[name] for name in ("outside", "inside"))
        call, loot = loot_of(siplbd, servers, client, third.peer)
        third.forget()  # the answer to its registration
        print("seed:", SEED)
        forge = Attacker(random.Random(SEED), host_port(third.peer.address), host_port(outside),
                         loot)
        arrived = ended = 0
        for number in range(1, MESSAGES + 1):
            attacker.send(forge.message(number), outside)
            if number % BATCH:
                continue
            siplbd.settle()
            while (ready := [server for server in servers if server.hears()]):
                octets, source = ready[0].socket.recvfrom(65536)
                assert source == inside
                if not octets.startswith(b"SIP/2.0 "):  # refusals of a BYE
                    arrived += 1
                    believe(parse_strictly(octets), ready[0], inside)
            siplbd.settle()
            while attacker.hears():
                ended += attacker.socket.recv(65536).startswith(b"BYE ")
            assert not (heard := third.heard()), heard
            if number == MESSAGES // 5:
                before = resident_kib(siplbd)
        after = resident_kib(siplbd)
        metrics = siplbd.metrics()
        print(f"resident: {before} KiB after a fifth, {after} KiB at the end;",
              f"{arrived} requests at the servers, {ended} BYEs back; answered:",
              {has["code"]: int(value) for has, value in
               metrics.select("siplb_messages_answered_total") if value})
        assert metrics.sum("siplb_kernel_drops_total") == 0
        assert arrived > MESSAGES // 10
        assert ended > MESSAGES // 100
        assert after - before < 2048
        end_amid_leftovers(call)
        assert not third.heard()


# ---- who is who ----------------------------------------------------------------------------------


class Edge:
    """Outside a client, inside a PBX, and a carrier that the servers of `trusted` may call by."""

    def __init__(self, folder, stack, trusted):
        self.pbx, self.carrier = (stack.enter_context(Peer()) for _ in range(2))
        # What is called at a server's address is a server's, whatever the port.
        self.client = stack.enter_context(Peer("127.0.0.13"))
        groups = [group([self.pbx.address]), group([self.carrier.address], "carriers"),
                  group([trusted], "trusted")]
        groups[-1]["servers"][0]["sources"] = ["127.0.0.12"]
        for made in groups:
            made["listener"] = "inside"
        routes = [{"name": "out", "match": {"from_group": "trusted"}, "group": "carriers"},
                  {"name": "to-clients", "match": {"from_group": "pbx"}, "forward": "request-uri"},
                  {"name": "rest", "group": "pbx"}]
        config = configuration(two_listeners(headers=POLICY), groups, routes=routes,
                               global_={"lanes": 1})
        self.siplbd = stack.enter_context(Daemon(folder, config))
        self.outside, self.inside = (self.siplbd.addresses[name] for name in ("outside", "inside"))

    def assert_silence(self, *peers):
        self.siplbd.settle()
        for peer in peers:
            assert not peer.hears()


@pytest.fixture
def edge(tmp_path):
    with ExitStack() as stack:
        yield Edge(tmp_path, stack, ("127.0.0.11", free_port("127.0.0.11")))


def with_lines(message, *lines):
    """The octets of `message` with more headers, just as they are written."""
    head, end, body = message.encode().partition(b"\r\n\r\n")
    return b"\r\n".join([head, *(line.encode() for line in lines)]) + end + body


@pytest.mark.parametrize("host", ["its own", "its sources"])
def test_forged_source_of_a_server_is_a_client(edge, host):
    """Whoever sends from a server's address to a listener for clients stays one: the servers'
    routes are not his, nor are their identities. To the other listener, it is the server."""
    own = uri_address(edge.siplbd.config["groups"][2]["servers"][0]["uri"])
    with Peer(*own) if host == "its own" else Peer("127.0.0.12") as forger:
        invite = new_request(forger, "INVITE", "forged")
        forger.send(with_lines(invite, "P-Asserted-Identity: <sip:boss@example.com>"), edge.outside)
        arrived = edge.pbx.receive()
        assert not arrived.all("P-Asserted-Identity")
        assert arrived["X-From"] == host_port(forger.address)
        edge.pbx.send(answer(arrived, 200, edge.pbx, "to"), edge.inside)
        assert forger.receive_response().status == 200
        edge.assert_silence(edge.carrier)

        invite = new_request(forger, "INVITE", "genuine")
        forger.send(with_lines(invite, "P-Asserted-Identity: <sip:boss@example.com>"), edge.inside)
        arrived = edge.carrier.receive()
        assert arrived["P-Asserted-Identity"] == "<sip:boss@example.com>"
        assert not arrived.all("X-From")
        edge.carrier.send(answer(arrived, 200, edge.carrier, "to"), edge.inside)
        assert forger.receive_response().status == 200
        edge.assert_silence(edge.pbx)


@pytest.mark.parametrize("line", [
    "P-Asserted-Identity: {}", "p-asserted-identity:{}", "P-ASSERTED-IDENTITY \t : {}",
    "P-Asserted-Identity:\r\n\t{}", "P-Asserted-Identity: x,\r\n {}\r\n ,y",
    "P-Asserted-Identity: x\r\nP-Asserted-Identity: {}", "Referred-By: {}", "b: {}", "B\t:{}",
    "X-Secret-Anything: {}", "x-secret-: {}", "X-From: {}", "x-FROM : {}"])
def test_identity_headers_do_not_pass(edge, line):
    """In no request of a client, nor in its answers; what siplb says itself of its source does."""
    line = line.format("<sip:canary@example.com>")

    def client_sends(message, to=edge.outside):
        edge.client.send(with_lines(message, line), to)
        edge.siplbd.settle()
        octets = edge.pbx.socket.recv(65536)
        while octets.startswith(b"SIP/2.0 100 "):  # siplb's own: the machine is slow
            octets = edge.pbx.socket.recv(65536)
        assert b"canary" not in octets
        return Message.parse(octets)

    arrived = client_sends(new_request(edge.client, "INVITE", "call"))
    assert arrived.all("X-From") == [host_port(edge.client.address)]
    edge.pbx.send(answer(arrived, 200, edge.pbx, "to"), edge.inside)
    dialog = Dialog.of_caller(edge.client, edge.client.receive_response())
    for request in (dialog.request("ACK", cseq=1), dialog.request("INVITE"),
                    dialog.request("INFO")):
        client_sends(request)

    edge.pbx.send(new_request(edge.pbx, "INVITE", "back", edge.client.uri), edge.inside)
    assert client_sends(answer(edge.client.receive(), 200, edge.client, "to")).status == 200


@pytest.mark.parametrize("routes", [
    ["sip:{third};lr"], ["sip:{third}"], ["sip:{ours};lr", "sip:{third};lr"],
    ["sip:{ours};lr", "sip:{ours};lr", "sip:{ours};lr"], ["sip:bob@example.com;lr"],
    ["sip:{inside};lr", "sip:{third};lr"], ["sip:{server};lr"]])
def test_route_of_a_client_to_elsewhere_is_refused(edge, routes):
    with Peer(THIRD_PARTY) as third:
        names = {"third": host_port(third.address), "ours": host_port(edge.outside),
                 "inside": host_port(edge.inside), "server": host_port(edge.carrier.address)}
        for method in ("INVITE", "MESSAGE", "REGISTER"):
            request = new_request(edge.client, method, f"routed-{method}")
            values = [f"<{route.format(**names)}>" for route in routes]
            edge.client.send(request.with_header("Route", *values), edge.outside)
            assert edge.client.receive().status == 403
        edge.assert_silence(third, edge.carrier, edge.pbx)


# ---- amplification -------------------------------------------------------------------------------

# What a forged source may draw, at most, of octets for those that were sent in its name.
AMPLIFICATION_MAX = 1.5
# As long after each other as by RFC 3261, but ten times as fast.
TIMERS = {"t1": "50ms", "t2": "400ms", "t4": "1s", "invite": "3200ms", "non_invite": "3200ms"}
ANSWERS_OF_TIMER_G = 11  # at 0, 0.5, 1.5, 3.5, 7.5 and then every 4 s until Timer H, 32 s


def to_third_party(request):
    return request.with_header("Route", f"<sip:{THIRD_PARTY};lr>")


def start_with(old, new):
    """Changes a request's start line."""
    return lambda request: Message(request.start.replace(old, new), request.headers, request.body)


# What is asked, and the code of siplb's own answer.
LOCAL_ANSWERS = {
    "body cut short": (400, lambda request: request.with_header("Content-Length", "9")),
    "Route elsewhere": (403, to_third_party),
    "reject": (403, start_with("bob@", "barred@")),
    "no such address of ours": (404, start_with("bob@", "nobody@")),
    "foreign scheme": (416, start_with("sip:bob", "mailto:bob")),
    "extensions": (420, lambda request: request.with_header("Proxy-Require", "foo, bar")),
    "no such dialog": (481, lambda request: request.with_header("To", f"{request['To']};tag=x")),
    "no hops left": (483, lambda request: request.with_header("Max-Forwards", "0")),
    "over the rate": (503, start_with("bob@", "busy@")),
    "version": (505, start_with("SIP/2.0", "SIP/3.0")),
}


def octets_in(peer):
    """(messages but 100, octets of all)"""
    messages = octets = 0
    while peer.hears():
        heard = peer.socket.recv(65536)
        octets += len(heard)
        messages += not heard.startswith(b"SIP/2.0 100")
    return messages, octets


def test_answers_amplify_little(tmp_path):
    """None of them is ever acknowledged. What siplb refuses, it answers once; the final answer to
    an INVITE that has gone to a server is repeated as RFC 3261, 17.2.1 says."""
    with ExitStack() as stack:
        server = stack.enter_context(Peer())
        routes = [
            {"name": "barred", "match": {"request_user": "barred"},
             "reject": {"code": 403, "reason": "x" * 64}},
            {"name": "busy", "match": {"request_user": "busy"}, "group": "pbx", "rate": "1/s"},
            {"name": "dead", "match": {"request_user": "dead"}, "group": "dead"},
            {"name": "rest", "match": {"request_user": "bob"}, "group": "pbx"}]
        groups = [group([server.address], tokenless_dialogs=False),
                  group([(LOOPBACK[4], free_port())], "dead")]
        config = configuration(two_listeners(), groups, routes=routes, timers=TIMERS)
        siplbd = stack.enter_context(Daemon(tmp_path, config))
        outside, inside = (siplbd.addresses[name] for name in ("outside", "inside"))
        sent = {}

        def send(method, name, code, change=lambda request: request):
            peer = stack.enter_context(Peer())
            octets = change(new_request(peer, method, f"call-{len(sent)}")).encode()
            peer.send(octets, outside)
            sent[f"{method}, {name}"] = (peer, len(octets), code)

        with Peer() as client:  # a second's worth of the rate
            client.send(new_request(client, "MESSAGE", "first", "sip:busy@example.com"), outside)
        for method in ("INVITE", "MESSAGE"):
            for name, (code, change) in LOCAL_ANSWERS.items():
                send(method, name, code, change)
        send("INVITE", "no server there", None, start_with("bob@", "dead@"))
        send("INVITE", "refused by its server", None)
        while "busy" in (arrived := server.receive()).uri:
            pass
        server.send(answer(arrived, 486, server, "to"), inside)

        time.sleep(3.5)  # a span to measure: Timer H, and what may come late
        for name, (peer, asked, code) in sent.items():
            messages, heard = octets_in(peer)
            print(f"{name}: {asked} octets asked, {heard} answered in {messages} messages:",
                  f"{heard / asked:.2f}")
            if code is None:
                assert messages <= ANSWERS_OF_TIMER_G
            else:
                assert messages == 1, name
                assert heard <= AMPLIFICATION_MAX * asked, name
        metrics = siplbd.metrics()
        for code in {str(code) for code, _ in LOCAL_ANSWERS.values()}:
            assert metrics.sum("siplb_messages_answered_total", code=code) > 0
