"""Peers on TCP that do not read: only what goes through them suffers, and memory is bounded.

Each sends or is sent a bounded amount, with small buffers in the kernel. `pytest -rP` shows the
figures.
"""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from siplb import (DEADLINE_S, LOOPBACK, Daemon, Peer, answer, configuration, exchange, group,
                   host_port, new_request, receive_any, set_up_call, wait_until)
from streams import StreamPeer, StreamServer, resident_kib, stream_listener

CALLS = 200
STUCK = 500
# What a slow client asks for at once: their answers are more than the kernel and its queue take.
REQUESTS = 1000
PADDING = "x" * 1200
# So that it is no flood: octets that one sends at once, and who of them sends between two calls.
AT_ONCE = 8 * 1024
TURNS = 20
MEMORY_MIB = 128
SMALL_SEGMENT = 536
SMALL_BUFFER = 4096


class Office:
    """siplbd between callers, a server on TCP and one on UDP, and a stuck server on TCP."""

    def __init__(self, folder, stack, memory_mib=MEMORY_MIB, workers=2, **timers):
        self.stack = stack
        self.streams, self.stuck = (stack.enter_context(StreamServer()) for _ in range(2))
        self.datagrams = stack.enter_context(Peer())
        # Inherited by what it accepts.
        self.stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        groups = [group([self.streams.address], "streams", transport="tcp"),
                  group([self.datagrams.address], "datagrams"),
                  group([self.stuck.address], "stuck", transport="tcp")]
        routes = [{"name": name, "match": {"request_user": name}, "group": name}
                  for name in ("streams", "datagrams", "stuck")]
        config = configuration([stream_listener()], groups, routes=routes, timers=timers,
                               workers=workers, global_={"memory": f"{memory_mib}MiB"})
        self.siplbd = stack.enter_context(Daemon(folder, config))
        self.callers = [stack.enter_context(StreamPeer(self.siplbd.address, "127.0.0.2"))
                        for _ in range(4)]
        self.callers += [stack.enter_context(Peer()) for _ in range(4)]

    def call(self, number):
        """A call from the one of the callers whose turn it is, from its beginning to its end."""
        caller = self.callers[number % len(self.callers)]
        name, server = [("streams", self.streams), ("datagrams", self.datagrams)][number // 8 % 2]
        call_id = f"call-{number}"
        invite = new_request(caller, "INVITE", call_id, f"sip:{name}@example.com")
        call = set_up_call(caller, self.siplbd.address, [server], call_id, invite)
        exchange(call.callee, call.caller, [], "BYE")

    def assert_calls_succeed(self, first):
        for number in range(first, first + CALLS):
            self.call(number)


class StuckClient(StreamPeer):
    """It asks, and does not read what it is told."""

    def __init__(self, siplbd, host=LOOPBACK[4]):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL_SEGMENT)
        connection.bind((host, 0))
        connection.connect(siplbd.address)
        self._begin(connection, connection.getsockname()[:2])
        connection.setblocking(False)
        ours = f"sip:{host_port(siplbd.address)}"
        request = new_request(self, "OPTIONS", f"stuck-{self.address[1]}", ours)
        request = request.with_header("To", f'"{PADDING}" <sip:siplb@example.com>')
        self.request = request.encode()
        self.unsent = b""

    def ask(self):
        """Sends some requests, as far as siplb takes them now. False where it has ended this."""
        self.unsent = self.unsent or self.request * (AT_ONCE // len(self.request))
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except BlockingIOError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True


@pytest.mark.parametrize("count", [1, STUCK])
def test_clients_that_do_not_read_harm_nobody(tmp_path, count):
    """They ask until siplb has had enough of it."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, stalled="2s")
        before = resident_max = resident_kib(office.siplbd)
        clients = [stack.enter_context(StuckClient(office.siplbd)) for _ in range(count)]
        alive = list(clients)
        calls = 0
        while alive:
            ended = [client for client in alive[calls % TURNS::TURNS] if not client.ask()]
            alive = [client for client in alive if client not in ended]
            office.call(calls)
            calls += 1
            resident_max = max(resident_max, resident_kib(office.siplbd))
        print(f"{count} stuck clients: {before} KiB resident before, {resident_max} KiB at most; "
              f"{calls} calls meanwhile")
        assert resident_max <= MEMORY_MIB * 1024
        metrics = office.siplbd.metrics()
        assert metrics.sum("siplb_connections_ended_total", reason="stalled") == count
        assert metrics.sum("siplb_stream_paused_total") >= count
        office.assert_calls_succeed(calls)


def test_server_that_does_not_read_harms_only_calls_to_it(tmp_path):
    """And each of these is answered."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, stalled="2s", invite="3s")
        client = stack.enter_context(StreamPeer(office.siplbd.address))
        pending = set()

        def take_answers():
            while client.hears():
                if (response := client.receive()).status != 100:
                    assert response.status >= 400
                    pending.discard(response["Call-ID"])
            return not pending
        for number in range(CALLS):
            for part in range(5):
                call_id = f"stuck-{number}-{part}"
                invite = new_request(client, "INVITE", call_id, "sip:stuck@example.com")
                client.send(invite.with_header("Subject", "x" * 1000))
                pending.add(call_id)
            office.call(number)
            take_answers()
        resident = resident_kib(office.siplbd)
        print(f"a stuck server: {resident} KiB resident")
        assert resident <= MEMORY_MIB * 1024
        wait_until(take_answers, "answers to all calls to it")
        office.assert_calls_succeed(CALLS)


@pytest.mark.parametrize("workers", [1, 2])
def test_slow_reader_gets_its_answers_once_it_reads(tmp_path, workers):
    """It is not read while it does not read, so it asks no more than there is room to answer. Only
    what another worker answers may be on its way to a queue that has filled up: it is counted."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, workers=workers)
        sender = stack.enter_context(ThreadPoolExecutor())
        client = stack.enter_context(StuckClient(office.siplbd))
        client.socket.settimeout(DEADLINE_S)
        ours = f"sip:{host_port(office.siplbd.address)}"
        requests = [new_request(client, "OPTIONS", f"request-{i}", ours) for i in range(REQUESTS)]
        octets = b"".join(request.encode() for request in requests)
        sent = sender.submit(client.send, octets)
        office.siplbd.wait_metric(1, "siplb_stream_paused_total")
        office.call(0)
        answers = set()

        def is_all_answered():
            while client.hears():
                answer = client.receive()
                answers.add((answer.status, answer["Call-ID"]))
            lost = office.siplbd.metrics().sum("siplb_send_failed_total")
            return len(answers) + lost == len(requests)
        wait_until(is_all_answered, "answers to all requests")
        sent.result()
        assert answers <= {(200, request["Call-ID"]) for request in requests}
        if workers == 1:
            assert len(answers) == len(requests)


def test_client_that_has_ended_its_side_gets_its_answer(tmp_path):
    """It may send its request, close that direction, and read on."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack)
        client = stack.enter_context(StreamPeer(office.siplbd.address))
        client.send(new_request(client, "MESSAGE", "last-words", "sip:streams@example.com"))
        request = office.streams.receive()
        client.socket.shutdown(socket.SHUT_WR)
        office.call(0)
        office.streams.send(answer(request, 200, to_tag="to"))
        assert client.receive().status == 200
        assert client.wait_end() == "closed"


@pytest.mark.parametrize("method", ["OPTIONS", "MESSAGE"])
def test_whoever_reads_may_ask_as_much_as_he_likes_at_once(tmp_path, method):
    """More at once than its queue holds, but no more than the kernel takes."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, memory_mib=512)
        client = office.callers[0]
        uri = {"OPTIONS": f"sip:{host_port(office.siplbd.address)}",
               "MESSAGE": "sip:streams@example.com"}[method]
        requests = [new_request(client, method, f"request-{i}", uri) for i in range(500)]
        octets = b"".join(request.encode() for request in requests)
        stack.enter_context(ThreadPoolExecutor()).submit(client.send, octets)
        answered = set()
        while len(answered) < len(requests):
            at, message = receive_any([client, office.streams])
            if message.is_request:
                at.send(answer(message, 200, to_tag="to"))
            else:
                assert message.status == 200
                answered.add(message["Call-ID"])
