"""Machines with several addresses, with one that comes later, and behind NATs.

Client, siplb and server each have a network namespace. The client and the server have no way to
each other and none to the other side of siplb, so whatever siplb writes into Via, Record-Route and
Path has to be right for whoever reads it. And each hears from one address only, which is the one
that it speaks to: a NAT or firewall before it would let nothing else through.
"""

from contextlib import ExitStack

import pytest

from network import DaemonInside, Namespace, tool, why_not
from siplb import (Peer, Phone, answer, cancel, configuration, exchange, finish_call, group,
                   hop_ack, host_port, listener, new_request, sent_by, uri_address, uri_of)

WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

PORT = 5060  # In a namespace of one's own every port is free.


class Scene:
    """A client, a server and siplbd, each in its namespace. Subclasses join these."""

    client_kind = Peer

    def __init__(self, stack):
        self.stack = stack
        self.calls = 0
        self.clients, self.edge, self.servers = (
            stack.enter_context(Namespace()) for _ in range(3))

    def start(self, folder, listeners, client, server, inside):
        """`inside`: the address that siplb must have for the server."""
        self.client = self.stack.enter_context(self.clients.peer(client, PORT, self.client_kind))
        self.server = self.stack.enter_context(self.servers.peer(server, PORT))
        self.inside = (inside, PORT)
        config = configuration(
            listeners,
            [group([self.server.address], listener=listeners[-1]["name"])],
            routes=[{"name": "out", "match": {"from_group": "pbx"}, "forward": "request-uri"},
                    {"name": "registrations", "match": {"methods": ["REGISTER"]}, "group": "pbx",
                     "path": "auto"},
                    {"name": "in", "group": "pbx"}], workers=2)
        self.siplbd = self.stack.enter_context(DaemonInside(self.edge, folder, config))

    def new_request(self, peer, method, *uri):
        self.calls += 1
        return new_request(peer, method, f"{method}-{self.calls}", *uri)

    # How a call may come about. `asked` is the address that the client speaks to.

    def client_calls(self, asked):
        self.client.send(self.new_request(self.client, "INVITE"), asked)
        invite = self.server.receive()
        call = finish_call(self.client, [self.server], self.server, invite)
        return invite, call.caller, call.callee

    def server_calls(self, routes=()):
        invite = self.new_request(self.server, "INVITE", self.client.uri)
        invite.headers[1:1] = [("Route", route) for route in routes]
        self.server.send(invite, uri_address(uri_of(routes[0])) if routes else self.inside)
        arrived = self.client.receive()
        call = finish_call(self.server, [self.client], self.client, arrived)
        return arrived, call.callee, call.caller

    def server_calls_by_path(self, asked):
        register = self.new_request(self.client, "REGISTER", "sip:example.com")
        if self.client_kind is not Phone:  # of a phone, siplb sees where it is
            register = register.with_header("Supported", "path")
        self.client.send(register, asked)
        arrived = self.server.receive()
        self.server.send(answer(arrived, 200, self.server, "registrar"),
                         uri_address(f"sip:{sent_by(arrived)}"))
        assert self.client.receive().status == 200
        assert uri_address(uri_of(arrived["Path"])) == self.inside
        return self.server_calls(arrived.all("Path"))

    def assert_sides(self, asked):
        assert self.client.heard_from == {asked}
        assert self.server.heard_from == {self.inside}


def talk(client, server):
    """Re-INVITEs from either end, and what a phone sends besides."""
    for sender, receiver in [(client, server), (server, client)]:
        exchange(sender, receiver, [], "INFO")
        exchange(sender, receiver, [], "INVITE")
        sender.send("ACK", sender.cseq)
        assert receiver.peer.receive().method == "ACK"


def assert_calls(scene, asked, public, ways=("client", "server", "server by Path")):
    """Calls both ways, ended by either end. `public` is what siplb is called by the client."""
    set_up = {"client": lambda: scene.client_calls(asked),
              "server": scene.server_calls,
              "server by Path": lambda: scene.server_calls_by_path(asked)}
    for way in ways:
        for hangs_up in ("client", "server"):
            scene.client.heard_from.clear()
            invite, client, server = set_up[way]()
            expected = scene.inside if way == "client" else public
            assert uri_address(f"sip:{sent_by(invite)}") == expected
            assert client.first_hop == public, f"{way}: {client.routes}"
            assert server.first_hop == scene.inside, f"{way}: {server.routes}"
            if way != "server":
                client.first_hop = asked  # as phones with an outbound proxy do
            talk(client, server)
            sender, receiver = (client, server) if hangs_up == "client" else (server, client)
            exchange(sender, receiver, [], "BYE")
            scene.assert_sides(public if way == "server" else asked)


# ---- two addresses on one interface --------------------------------------------------------------

# By family: the client's net with two addresses of ours, the servers' with one.
NETS = {
    4: {"outside": ["192.0.2.10", "192.0.2.11"], "client": "192.0.2.50",
        "inside": "10.0.0.1", "server": "10.0.0.11", "length": 24, "servers": "10.0.0.0/24",
        "wildcard": "0.0.0.0", "vip": "192.0.2.20"},
    6: {"outside": ["2001:db8:1::10", "2001:db8:1::11"], "client": "2001:db8:1::50",
        "inside": "fd00::1", "server": "fd00::11", "length": 64, "servers": "fd00::/64",
        "wildcard": "::", "vip": "2001:db8:1::20"},
}


class TwoSides(Scene):
    """siplb's machine has an interface to the clients and one to the servers."""

    def __init__(self, stack, family):
        super().__init__(stack)
        self.net = NETS[family]
        self.join_clients()
        self.servers.join("eth0", self.with_length("server"), self.edge, "inside",
                          self.with_length("inside"))

    def join_clients(self):
        self.clients.join("eth0", self.with_length("client"), self.edge, "outside",
                          self.with_length("outside"))

    def with_length(self, name):
        has = self.net[name]
        return [f"{address}/{self.net['length']}" for address in
                ([has] if isinstance(has, str) else has)]

    def start_listening(self, folder, listeners):
        self.start(folder, listeners, self.net["client"], self.net["server"], self.net["inside"])

    def wildcard(self):
        advertise = [{"to": [self.net["servers"]], "as": host_port((self.net["inside"], PORT))},
                     {"as": host_port((self.net["outside"][0], PORT))}]
        return [listener(host=self.net["wildcard"], port=PORT, advertise=advertise)]

    def vip_and_inside(self):
        return [listener("vip", self.net["vip"], PORT, role="clients"),
                listener("inside", self.net["inside"], PORT, role="servers")]


@pytest.fixture(params=NETS, ids=lambda family: f"ipv{family}")
def two_sides(request):
    with ExitStack() as stack:
        yield TwoSides(stack, request.param)


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
def test_wildcard_answers_from_the_address_that_was_asked(tmp_path, two_sides, which):
    two_sides.start_listening(tmp_path, two_sides.wildcard())
    first, asked = ((two_sides.net["outside"][i], PORT) for i in (0, which))
    assert_calls(two_sides, asked, first)
    # What siplb says itself, too.
    two_sides.client.heard_from.clear()
    for name in (asked, first):
        options = two_sides.new_request(two_sides.client, "OPTIONS", f"sip:{host_port(name)}")
        two_sides.client.send(options, asked)
        assert two_sides.client.receive().status == 200
    two_sides.assert_sides(asked)


def test_transactions_stay_at_the_address_that_was_asked(tmp_path, two_sides):
    """Also what siplb says of its own accord: 100, repeats, ACK, CANCEL, 487."""
    two_sides.start_listening(tmp_path, two_sides.wildcard())
    client, server = two_sides.client, two_sides.server
    asked = (two_sides.net["outside"][1], PORT)

    refused = two_sides.new_request(client, "INVITE")
    client.send(refused, asked)
    arrived = server.receive()
    assert client.receive().status == 100
    server.send(answer(arrived, 486, server, "to"), two_sides.inside)
    assert [client.receive().status for _ in range(2)] == [486, 486]
    while server.receive().method != "ACK":  # the INVITE may have been repeated
        pass
    client.send(hop_ack(refused, answer(refused, 486, to_tag="to")), asked)

    cancelled = two_sides.new_request(client, "INVITE")
    client.send(cancelled, asked)
    arrived = server.receive()
    server.send(answer(arrived, 180, server, "to"), two_sides.inside)
    assert client.receive_response().status == 180
    client.send(cancel(cancelled), asked)
    assert client.receive()["CSeq"] == "1 CANCEL"
    while (at_server := server.receive()).method != "CANCEL":
        pass
    server.send(answer(at_server, 200), two_sides.inside)
    server.send(answer(arrived, 487, server, "to"), two_sides.inside)
    assert client.receive().status == 487
    assert server.receive().method == "ACK"
    two_sides.assert_sides(asked)


def test_dialog_follows_its_client_to_the_advertised_address(tmp_path, two_sides):
    """A client that goes by Record-Route speaks to the first address from then on."""
    two_sides.start_listening(tmp_path, two_sides.wildcard())
    first, second = ((address, PORT) for address in two_sides.net["outside"])
    client, server = two_sides.client_calls(second)[1:]
    two_sides.assert_sides(second)
    assert client.first_hop == first
    two_sides.client.heard_from.clear()
    talk(client, server)
    exchange(server, client, [], "BYE")
    two_sides.assert_sides(first)


# ---- an address that comes later -----------------------------------------------------------------


def test_listener_of_an_address_that_is_not_here_yet(tmp_path, two_sides):
    """As on the standby of a pair of machines, until it takes over; and once more later."""
    two_sides.start_listening(tmp_path, two_sides.vip_and_inside())
    [vip] = two_sides.with_length("vip")
    asked = (two_sides.net["vip"], PORT)
    two_sides.edge.add_address("outside", vip)
    assert_calls(two_sides, asked, asked)
    two_sides.edge.remove_address("outside", vip)
    two_sides.edge.add_address("outside", vip)
    assert_calls(two_sides, asked, asked)


def test_wildcard_answers_from_an_address_that_came_later(tmp_path, two_sides):
    two_sides.start_listening(tmp_path, two_sides.wildcard())
    [vip] = two_sides.with_length("vip")
    two_sides.edge.add_address("outside", vip)
    assert_calls(two_sides, (two_sides.net["vip"], PORT), (two_sides.net["outside"][0], PORT))


# ---- NAT -----------------------------------------------------------------------------------------

needs_nft = pytest.mark.skipif(not tool("nft"), reason="nftables is not installed")

MASQUERADE = """
table ip nat {
  chain to_outside {
    type nat hook postrouting priority srcnat
    oifname "outside" meta l4proto udp masquerade to :20000-29999
  }
}
"""


class Home(TwoSides):
    """The client is at home: behind a router that lends it a port for each address it speaks to."""

    client_kind = Phone
    home = "192.168.1.20"

    def join_clients(self):
        router = self.stack.enter_context(Namespace())
        self.clients.join("eth0", [f"{self.home}/24"], router, "home", ["192.168.1.1/24"])
        router.join("outside", self.with_length("client"), self.edge, "outside",
                    self.with_length("outside"))
        self.clients.run("ip", "route", "add", "default", "via", "192.168.1.1")
        router.become_router(MASQUERADE)


@needs_nft
@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
def test_phone_behind_a_nat_is_reached_from_the_address_that_it_knows(tmp_path, which):
    """The router lets nothing else through. It says nothing of Path: siplb sees the NAT."""
    with ExitStack() as stack:
        home = Home(stack, 4)
        home.start(tmp_path, home.wildcard(), home.home, home.net["server"], home.net["inside"])
        first, asked = ((home.net["outside"][i], PORT) for i in (0, which))
        assert_calls(home, asked, first, ways=["client", "server by Path"])


PUBLIC, PRIVATE = "203.0.113.10", "10.0.0.5"

ONE_TO_ONE = f"""
table ip nat {{
  chain from_outside {{
    type nat hook prerouting priority dstnat
    iifname "outside" ip daddr {PUBLIC} dnat to {PRIVATE}
  }}
  chain to_outside {{
    type nat hook postrouting priority srcnat
    oifname "outside" ip saddr {PRIVATE} snat to {PUBLIC}
  }}
}}
"""


class Cloud(Scene):
    """siplb's machine has one interface and a private address; a router lends it a public one."""

    def __init__(self, stack):
        super().__init__(stack)
        self.router = stack.enter_context(Namespace())
        self.clients.join("eth0", ["203.0.113.50/24"], self.router, "outside", [f"{PUBLIC}/24"])
        self.edge.join("eth0", [f"{PRIVATE}/24"], self.router, "to-edge", ["10.0.0.1/24"])
        self.servers.join("eth0", ["10.0.1.11/24"], self.router, "to-servers", ["10.0.1.1/24"])
        self.edge.run("ip", "route", "add", "default", "via", "10.0.0.1")
        self.servers.run("ip", "route", "add", "10.0.0.0/24", "via", "10.0.1.1")
        self.router.become_router(ONE_TO_ONE)


@needs_nft
@pytest.mark.parametrize("host", [PRIVATE, "0.0.0.0"], ids=["bound", "wildcard"])
def test_calls_pass_a_one_to_one_nat(tmp_path, host):
    with ExitStack() as stack:
        cloud = Cloud(stack)
        advertise = [{"to": ["10.0.0.0/8"], "as": f"{PRIVATE}:{PORT}"},
                     {"as": f"{PUBLIC}:{PORT}"}]
        cloud.start(tmp_path, [listener(host=host, port=PORT, advertise=advertise)],
                    "203.0.113.50", "10.0.1.11", PRIVATE)
        assert_calls(cloud, (PUBLIC, PORT), (PUBLIC, PORT))
