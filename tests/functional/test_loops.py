"""A server that sends back what it got: a spiral passes, a loop ends, and neither costs much.

That server is a stateless proxy (RFC 3261, 16.11), so what comes to siplb besides is its own doing.
"""

from contextlib import ExitStack

import pytest

from siplb import (Daemon, Dialog, Message, Peer, answer, configuration, group, hop_ack, host_port,
                   listener, new_request)

AMPLIFICATION_MAX = 1.5  # the threat model's limit; the aim is 1.2


class Party(Peer):
    """Counts what it sends to siplb and what it gets."""

    def __init__(self):
        super().__init__()
        self.sent = []   # octets of each message
        self.heard = []

    def send(self, message, to):
        octets = message.encode()
        self.sent.append(len(octets))
        super().send(octets, to)

    def receive(self):
        octets = self.socket.recv(65536)
        self.heard.append(len(octets))
        return Message.parse(octets)


class Scene:
    """A client, a server that sends all back, and one that answers, each in a group of its own.
    What comes back to siplb goes to the servers of `back_to`."""

    def __init__(self, folder, stack, back_to):
        self.client, self.reflector, self.server = (stack.enter_context(Party()) for _ in range(3))
        config = configuration(
            [listener("outside", role="clients"), listener("inside", role="servers")],
            [group([self.reflector.address], "reflectors", listener="inside"),
             group([self.server.address], "servers", listener="inside")],
            routes=[{"name": "back", "match": {"from_group": "reflectors"}, "group": back_to},
                    {"name": "in", "group": "reflectors"}], global_={"lanes": 1})
        self.siplbd = stack.enter_context(Daemon(folder, config))
        self.outside, self.inside = (self.siplbd.addresses[name] for name in ("outside", "inside"))

    def reflect(self):
        """Requests back to siplb with a Via more and a hop less, responses after them."""
        message = self.reflector.receive()
        if message.is_request:
            via = f"SIP/2.0/UDP {host_port(self.reflector.address)};branch={message.branch}r"
            message = message.with_header("Via", via, *message.all("Via"))
            message = message.with_header("Max-Forwards", str(int(message["Max-Forwards"]) - 1))
        else:
            message = message.with_header("Via", *message.all("Via")[1:])
        self.reflector.send(message, self.inside)

    def serve(self):
        request = self.server.receive()
        if request.method != "ACK":
            self.server.send(answer(request, 200, self.server, "to"), self.inside)

    def conclude(self, request):
        """What the client does with a response: its status, where that is a final one."""
        response = self.client.receive()
        if response.status >= 200 and response.method == "INVITE":
            acknowledges = (Dialog.of_caller(self.client, response).request("ACK", cseq=1)
                            if response.status < 300 else hop_ack(request, response))
            self.client.send(acknowledges, self.outside)
        return response.status if response.status >= 200 else None

    def play(self, method):
        """The statuses that the client gets, once nothing more is under way."""
        request = new_request(self.client, method, "going-round")
        self.client.send(request, self.outside)
        finals = []
        while True:
            self.siplbd.settle()
            if self.client.hears():
                finals.append(self.conclude(request))
            elif self.reflector.hears():
                self.reflect()
            elif self.server.hears():
                self.serve()
            elif any(finals):
                return [status for status in finals if status]

    def assert_amplification(self):
        """All that siplb sent, for all that it got."""
        parties = (self.client, self.reflector, self.server)
        got = [length for party in parties for length in party.sent]
        sent = [length for party in parties for length in party.heard]
        messages, octets = len(sent) / len(got), sum(sent) / sum(got)
        print(f"siplb sent {len(sent)} messages for {len(got)}: {messages:.2f};",
              f"{sum(sent)} octets for {sum(got)}: {octets:.2f}")
        assert messages <= AMPLIFICATION_MAX
        assert octets <= AMPLIFICATION_MAX


@pytest.fixture(params=["INVITE", "MESSAGE"])
def method(request):
    return request.param


def test_spiral_through_a_server_passes(tmp_path, method):
    """The same Request-URI, to another group: a service before the one that answers."""
    with ExitStack() as stack:
        scene = Scene(tmp_path, stack, back_to="servers")
        assert scene.play(method) == [200]
        scene.assert_amplification()


def test_loop_is_answered_482(tmp_path, method):
    """Once from the client and once from the server: the third time, it is the second."""
    with ExitStack() as stack:
        scene = Scene(tmp_path, stack, back_to="reflectors")
        assert scene.play(method) == [482]
        metrics = scene.siplbd.metrics()
        assert metrics.sum("siplb_messages_answered_total", code="482") == 1
        assert metrics.sum("siplb_server_requests_total", group="reflectors") == 2
        assert not scene.server.heard
        scene.assert_amplification()
