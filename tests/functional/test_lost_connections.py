"""Connections that break: what was under way is answered, what was answered never arrives, and who
comes back keeps its dialogs (SIP.md, 2, 3 and 6; RFC 3261, 16.9 and 18.2.2)."""

import itertools
import random
import socket
from contextlib import ExitStack

import pytest

from siplb import (Daemon, Peer, addresses_of, answer, cancel, configuration, exchange, free_port,
                   group, hop_ack, new_request, receive_any, set_up_call, wait_until)
from streams import StreamPeer, StreamServer, stream_listener

REQUESTS = 120
CLIENTS = 50
SEED = 1


class Office:
    """siplbd and servers, over TCP or UDP."""

    def __init__(self, folder, stack, transport="tcp", count=1, workers=2, **more):
        self.stack = stack
        kind = StreamServer if transport == "tcp" else Peer
        self.servers = [stack.enter_context(kind()) for _ in range(count)]
        config = configuration([stream_listener(port=free_port())],
                               [group(addresses_of(self.servers), transport=transport)],
                               workers=workers, **more)
        self.siplbd = stack.enter_context(Daemon(folder, config))

    @property
    def server(self):
        return self.servers[0]

    def connect(self, **more):
        return self.stack.enter_context(StreamPeer(self.siplbd.address, **more))

    def call(self, client, call_id):
        return set_up_call(client, self.siplbd.address, self.servers, call_id)

    def wait_gone(self, remaining=0):
        """siplb has noticed that clients' connections are gone."""
        def count():
            return self.siplbd.metrics().sum("siplb_connections", direction="accepted")
        wait_until(lambda: count() == remaining, f"{remaining} connections of clients")


@pytest.fixture
def stack():
    with ExitStack() as made:
        yield made


def drop(client, how):
    if how == "reset":
        client.reset()
    else:
        client.close()


# ---- a server's connections ----------------------------------------------------------------------


class Traffic:
    """Requests of one client to one server, each with at most one final answer."""

    def __init__(self, office, chance):
        self.client, self.server = office.connect(), office.server
        self.chance = chance
        self.sent = {}
        self.finals = {}

    def ask(self, number):
        call_id = f"request-{number}"
        method = self.chance.choice(["INVITE", "MESSAGE"])
        self.sent[call_id] = new_request(self.client, method, call_id)
        self.client.send(self.sent[call_id])

    def take_answers(self):
        while self.client.hears():
            response = self.client.receive()
            if response.status == 100:
                continue
            call_id = response["Call-ID"]
            assert call_id not in self.finals
            self.finals[call_id] = response.status
            if response.method == "INVITE":
                self.client.send(hop_ack(self.sent[call_id], response))

    def serve(self, share, timeout=0):
        """The server answers that share of what it hears. Nothing comes to it that was answered."""
        while self.server.hears(timeout):
            request = self.server.receive()
            if request.method == "ACK":
                continue
            assert request["Call-ID"] not in self.finals, "a ghost"
            if self.chance.random() < share:
                self.server.send(answer(request, 486, self.server, "to"))


def test_every_request_is_answered_when_its_server_resets_connections(tmp_path, stack):
    """In the middle of traffic, with requests unanswered and on their way, again and again."""
    office = Office(tmp_path, stack)
    print("seed:", SEED)
    chance = random.Random(SEED)
    traffic = Traffic(office, chance)
    for number in range(REQUESTS):
        traffic.ask(number)
        traffic.serve(0.5, timeout=0.01)
        if chance.random() < 0.2:
            office.server.reset_all()
        traffic.take_answers()
    office.server.reset_all()

    def all_are_answered():
        traffic.serve(1)
        traffic.take_answers()
        return len(traffic.finals) == REQUESTS
    wait_until(all_are_answered, "an answer to each request")
    codes = list(traffic.finals.values())
    print("answers:", {code: codes.count(code) for code in sorted(set(codes))})
    assert 408 not in codes
    office.call(traffic.client, "after")


def test_cancelled_invite_never_arrives(tmp_path, stack):
    """It waits for a connection that is not there yet, and is cancelled before it is."""
    office = Office(tmp_path, stack, timers={"connect": "10s"}, workers=1)
    # A server whose queue of connections is full: siplb's has to wait.
    office.server.socket.listen(0)
    fillers = [stack.enter_context(socket.socket()) for _ in range(3)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(office.server.address)
    client = office.connect()
    invite = new_request(client, "INVITE", "ghost")
    client.send(invite)
    office.siplbd.wait_metric(1, "siplb_stream_queue_depth")
    client.send(cancel(invite))
    answers = sorted((response.method, response.status)
                     for response in (client.receive_response() for _ in range(2)))
    assert answers == [("CANCEL", 200), ("INVITE", 487)]
    assert office.siplbd.metrics().sum("siplb_stream_withdrawn_total") == 1

    for filler in fillers:
        filler.close()
    office.server.socket.listen(4096)
    office.siplbd.wait_metric(1, "siplb_connections", direction="opened")
    client.send(new_request(client, "INVITE", "next"))
    assert office.server.receive()["Call-ID"] == "next"


def test_calls_go_elsewhere_while_a_server_is_down_and_come_back(tmp_path, stack):
    """Refused connections cost no call, and the endpoint outlives them."""
    office = Office(tmp_path, stack, count=2)
    client = office.connect()
    up, down = office.servers
    address = down.address
    down.close()
    for number in range(40):
        set_up_call(client, office.siplbd.address, [up], f"down-{number}")
    down.listen(*address)

    numbers = itertools.count()

    def is_back():
        return office.call(client, f"back-{next(numbers)}").server is down
    wait_until(is_back, "a call at the server that came back")


def test_established_calls_survive_a_reset_of_the_servers_connections(tmp_path, stack):
    office = Office(tmp_path, stack)
    client = office.connect()
    calls = [office.call(client, f"call-{number}") for number in range(20)]
    office.server.reset_all()
    for call in calls:
        exchange(call.caller, call.callee, [], "INFO")
        exchange(call.callee, call.caller, [], "BYE")


# ---- a client's connection -----------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_that_comes_back_keeps_its_dialogs(tmp_path, stack, transport, how):
    """Eight dialogs, so of several lanes. Once it has said something in a dialog, the server finds
    it there."""
    office = Office(tmp_path, stack, transport)
    client = office.connect()
    calls = [office.call(client, f"call-{number}") for number in range(8)]
    for _ in range(2):
        drop(client, how)
        office.wait_gone()
        # Nobody can be reached meanwhile, and the server is told.
        calls[0].callee.send("INFO")
        assert calls[0].server.receive().status >= 400
        client = office.connect()
        for call in calls:
            call.caller.peer = client
            exchange(call.caller, call.callee, [], "INFO")
        for call in calls:
            exchange(call.callee, call.caller, [], "INFO")
    for call in calls:
        exchange(call.caller, call.callee, [], "BYE")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_client_may_have_two_connections(tmp_path, stack, transport):
    """The server's requests go to the one by which the dialog was heard last."""
    office = Office(tmp_path, stack, transport)
    first, second = office.connect(), office.connect()
    call = office.call(first, "call")
    exchange(call.callee, call.caller, [second], "INFO")
    call.caller.peer = second
    exchange(call.caller, call.callee, [], "INFO")
    exchange(call.callee, call.caller, [first], "INFO")
    call.caller.peer = first
    exchange(call.caller, call.callee, [], "INFO")
    exchange(call.callee, call.caller, [second], "BYE")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_reconnect_storm_delivers_nothing_to_the_wrong_client(tmp_path, stack, transport):
    """Connections of a new siplbd take the places that others had in the one before: a token's
    connection must not be taken for one of these."""
    office = Office(tmp_path, stack, transport)
    calls = [office.call(office.connect(), f"call-{number}") for number in range(CLIENTS)]
    office.siplbd.kill()
    office.siplbd.start()
    order = random.Random(SEED).sample(calls, CLIENTS)
    print("seed:", SEED)
    for call in order:
        call.caller.peer.close()
        call.caller.peer = office.connect()
    clients = [call.caller.peer for call in calls]
    server = office.server
    if transport == "tcp":  # its connections went with siplbd
        server = office.connect(listens_at=server.address)
        for call in calls:
            call.callee.peer = server
    for call in calls:
        call.callee.send("INFO")
        response = server.receive()
        assert response.status >= 400 and response["Call-ID"] == call.callee.call_id
    assert not [client for client in clients if client.hears()]
    for call in calls:
        call.callee.peer = office.server
        exchange(call.caller, call.callee, clients, "INFO")
    for call in order:
        others = [client for client in clients if client is not call.caller.peer]
        exchange(call.callee, call.caller, others, "INFO")


# ---- answers to who is gone ----------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_answer_to_a_lost_connection_goes_where_the_client_listens(tmp_path, stack, transport,
                                                                   method):
    office = Office(tmp_path, stack, transport)
    listening = stack.enter_context(StreamServer())
    client = office.connect(listens_at=listening.address)
    client.send(new_request(client, method, "lost"))
    at, request = receive_any(office.servers)
    client.reset()
    office.wait_gone()
    at.send(answer(request, 200, at, "to"), office.siplbd.address)
    response = listening.receive_response()
    assert (response.status, response["Call-ID"]) == (200, "lost")
    assert office.siplbd.metrics().sum("siplb_responses_rerouted_total") == 1


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_answer_to_a_lost_connection_from_behind_a_nat_is_lost_and_counted(tmp_path, stack,
                                                                           transport):
    """Its Via names another address than it came from: nobody knows who is there."""
    office = Office(tmp_path, stack, transport)
    stranger = stack.enter_context(StreamServer("127.0.0.77"))
    client = office.connect(listens_at=stranger.address)
    client.send(new_request(client, "MESSAGE", "lost"))
    at, request = receive_any(office.servers)
    client.reset()
    office.wait_gone()
    at.send(answer(request, 200, at, "to"), office.siplbd.address)
    office.siplbd.wait_metric(1, "siplb_responses_lost_total")
    assert not stranger.hears()


# ---- registrations -------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_path_of_a_registration_leads_to_its_connection(tmp_path, stack, transport):
    """Whichever lane it lives on; and to nobody once it is gone."""
    office = Office(tmp_path, stack, transport, count=1,
                    routes=[{"name": "registrations", "match": {"methods": ["REGISTER"]},
                             "group": "pbx", "path": "auto"}])
    [server] = office.servers
    clients = [office.connect() for _ in range(8)]
    paths = {}
    for number, client in enumerate(clients):
        request = new_request(client, "REGISTER", f"register-{number}", "sip:example.com")
        client.send(request.with_header("Supported", "path"))
        arrived = server.receive()
        [paths[client]] = arrived.all("Path")
        server.send(answer(arrived, 200, to_tag="to"), office.siplbd.address)
        assert client.receive().status == 200

    def call(number, client):
        invite = new_request(server, "INVITE", f"by-path-{number}", client.uri)
        invite = invite.with_header("Route", paths[client])
        server.send(invite, office.siplbd.address)
        return invite

    def assert_refused(invite, status):
        response = server.receive_response()
        assert (response.status, response["Call-ID"]) == (status, invite["Call-ID"])
        server.send(hop_ack(invite, response), office.siplbd.address)

    for number, client in enumerate(clients):
        invite = call(number, client)
        at, arrived = receive_any([*clients, server])
        assert at is client and arrived.method == "INVITE"
        client.send(answer(arrived, 486, client, "busy"))
        assert client.receive().method == "ACK"
        assert_refused(invite, 486)

    for client in clients[::2]:
        client.reset()
    office.wait_gone(len(clients) // 2)
    for number, client in enumerate(clients[::2], 100):
        assert_refused(call(number, client), 430)
    assert not [client for client in clients[1::2] if client.hears()]
