"""How many connections there may be, and how long: limits, timers and descriptors.

Others are served all the time. `pytest -rP` shows what an idle connection costs.
"""

import socket
import time
from contextlib import ExitStack

from siplb import (Daemon, Peer, configuration, group, host_port, new_request, set_up_call,
                   wait_until)
from streams import StreamPeer, StreamServer, resident_kib, stream_listener
from test_idle import processor_seconds

SLOW = 1000
IDLE = 9000
PER_SOURCE = 900
IDLE_OCTETS_MAX = 6 * 1024
SPAN_S = 2
WAKEUPS_PER_SECOND = 5


class Office:
    """siplbd, a server on TCP, and a caller on a connection that it had before all others."""

    def __init__(self, folder, stack, limits=(), descriptors=None, **more):
        self.stack = stack
        self.server, self.other_server = (stack.enter_context(StreamServer()) for _ in range(2))
        groups = [group([self.server.address], transport="tcp"),
                  group([self.other_server.address], "other", transport="tcp")]
        routes = [{"name": "other", "match": {"request_user": "other"}, "group": "other"},
                  {"name": "rest", "group": "pbx"}]
        config = configuration([stream_listener()], groups, routes=routes, limits=dict(limits),
                               **more)
        self.siplbd = stack.enter_context(Daemon(folder, config, descriptors))
        self.uri = f"sip:{host_port(self.siplbd.address)}"
        self.caller = self.connect("127.0.0.99")
        self.calls = 0
        self.call()

    def connect(self, host="127.0.0.1"):
        return self.stack.enter_context(StreamPeer(self.siplbd.address, host))

    def try_connect(self, host="127.0.0.1"):
        """Nothing where siplb does not answer by it, or ends it at once."""
        try:
            client = self.connect(host)
        except ConnectionResetError:
            return None
        return client if self.is_served(client) else None

    def call(self, caller=None, user="bob", server=None):
        self.calls += 1
        caller = caller or self.caller
        invite = new_request(caller, "INVITE", f"call-{self.calls}", f"sip:{user}@example.com")
        set_up_call(caller, self.siplbd.address, [server or self.server], None, invite)

    def ended(self, reason):
        return self.siplbd.metrics().sum("siplb_connections_ended_total", reason=reason)

    def refused(self, reason):
        return self.siplbd.metrics().sum("siplb_connections_refused_total", reason=reason)

    def is_served(self, client):
        """Whether siplb answers by it."""
        return (client.try_send(new_request(client, "OPTIONS", "served", self.uri))
                and client.receive_unless_ended() is not None)


# ---- timers --------------------------------------------------------------------------------------


def send_slowly(office, clients, octets, meanwhile):
    """Octet by octet, until siplb has ended all connections or all has been sent."""
    for at in range(len(octets)):
        clients = [client for client in clients if client.try_send(octets[at:at + 1])]
        if not clients:
            break
        meanwhile()
        time.sleep(0.05)  # the pace of the slow ones


def test_slow_messages_are_ended_by_their_timer(tmp_path):
    """A thousand connections that send octet by octet: none is idle, none is ever done."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, timers={"message": "1s"}, workers=2,
                        global_={"memory": "512MiB"})
        clients = [office.connect(f"127.0.0.{2 + number % 10}") for number in range(SLOW)]
        octets = new_request(office.caller, "OPTIONS", "slow").encode()
        send_slowly(office, clients, octets, office.call)
        office.siplbd.wait_metric(SLOW, "siplb_connections_ended_total", reason="message")
        assert office.ended("message") == SLOW
        office.call()


def test_slow_messages_of_one_source_leave_room_for_others(tmp_path):
    """There are fewer places for unfinished messages than it has connections."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, timers={"message": "1s"}, global_={"lanes": 1})
        clients = [office.connect() for _ in range(SLOW)]
        other = office.connect("127.0.0.2")
        octets = new_request(other, "OPTIONS", "halved", office.uri).encode()

        def send_in_halves():
            other.send(octets[:100])
            office.call()
            other.send(octets[100:])
            assert other.receive().status == 200
        send_slowly(office, clients, octets, send_in_halves)
        wait_until(lambda: office.ended("message") + office.ended("no_slot") == SLOW,
                   "all slow connections have ended")
        assert office.ended("message") > 0 and office.ended("no_slot") > 0


def test_silent_connections_are_ended_by_the_timer_of_the_first_octet(tmp_path):
    with ExitStack() as stack:
        office = Office(tmp_path, stack, timers={"first_octet": "300ms"})
        clients = [office.connect() for _ in range(100)]
        for client in clients:
            assert client.wait_end() == "closed"
        assert office.ended("first_octet") == 100
        office.call()


def test_idle_connections_are_ended_by_their_timer(tmp_path):
    """But not those that send keep-alives."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, timers={"idle": "1s"})
        clients = [office.connect() for _ in range(100)]
        for client in clients:
            assert office.is_served(client)
        for pongs in range(1, 16):
            office.caller.send(b"\r\n\r\n")
            office.caller.wait_pongs(pongs)
            time.sleep(0.1)  # the pace of the keep-alives
        for client in clients:
            assert client.wait_end() == "closed"
        assert office.ended("idle") >= 100  # and the one to the server
        office.call()


# ---- limits --------------------------------------------------------------------------------------


def test_flood_from_one_source_stops_at_its_limit(tmp_path):
    with ExitStack() as stack:
        office = Office(tmp_path, stack, {"connections_per_source": 50}, workers=2)
        admitted = list(filter(None, (office.try_connect() for _ in range(60))))
        assert len(admitted) == 50
        assert office.refused("source_full") == 10
        office.call(office.connect("127.0.0.2"))
        office.call()
        # Who leaves makes room.
        admitted[0].send(b"not SIP\r\n")
        admitted[0].wait_end()
        admitted[0].close()
        office.siplbd.wait_metric(1, "siplb_connections_ended_total", reason="framing")
        assert office.try_connect()


def test_connections_in_all_are_limited(tmp_path):
    """Those to servers are not counted, nor is what comes over UDP."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, {"connections": 100, "connections_per_source": 50},
                        workers=2)
        for host in ("127.0.0.2", "127.0.0.3"):
            for _ in range(49):
                assert office.try_connect(host)
        assert office.try_connect("127.0.0.4")
        assert not office.try_connect("127.0.0.5")
        assert office.refused("full") == 1
        office.call(user="other", server=office.other_server)
        office.call(stack.enter_context(Peer()))


def test_lack_of_descriptors_meets_new_clients_only(tmp_path):
    """Calls by connections that are there go on, to servers too that none leads to yet; and siplbd
    does not spin for those who wait."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, {"connections": 128, "connections_per_source": 128},
                        descriptors=250)
        hosts = [f"127.0.0.{2 + number % 8}" for number in range(400)]
        admitted = list(filter(None, map(office.try_connect, hosts)))
        metrics = office.siplbd.metrics()
        assert metrics.sum("siplb_connections_refused_total") == len(hosts) - len(admitted)
        assert 50 < len(admitted) < 250
        office.call()
        office.call(user="other", server=office.other_server)
        wakeups = office.siplbd.metrics().sum("siplb_loop_wakeups_total")
        time.sleep(1)  # a span to measure
        wakeups = office.siplbd.metrics().sum("siplb_loop_wakeups_total") - wakeups
        assert wakeups <= 50
        for client in admitted:
            client.close()
        office.siplbd.wait_metric(len(admitted), "siplb_connections_ended_total", reason="peer")
        assert office.try_connect()


# ---- what they cost ------------------------------------------------------------------------------


def test_idle_connections_cost_little_memory_and_no_time(tmp_path):
    with ExitStack() as stack:
        office = Office(tmp_path, stack, workers=2, global_={"memory": "512MiB"})
        before = resident_kib(office.siplbd)
        clients = []
        for number in range(IDLE):
            connection = stack.enter_context(socket.socket())
            connection.bind((f"127.0.1.{1 + number // PER_SOURCE}", 0))
            connection.connect(office.siplbd.address)
            clients.append(connection)
        octets = new_request(office.caller, "OPTIONS", "idle", office.uri).encode()
        for connection in clients:
            connection.send(octets)
        for connection in clients:
            assert connection.recv(4096).startswith(b"SIP/2.0 200")
        after = resident_kib(office.siplbd)
        each = (after - before) * 1024 / IDLE
        print(f"resident: {before} KiB before, {after} KiB with {IDLE} idle connections: "
              f"{each:.0f} octets each")
        assert each <= IDLE_OCTETS_MAX

        metrics = office.siplbd.metrics()
        assert metrics.sum("siplb_connections", direction="accepted") == IDLE + 1
        wakeups = metrics.sum("siplb_loop_wakeups_total")
        seconds = processor_seconds(office.siplbd)
        time.sleep(SPAN_S)  # the span that is measured
        seconds = processor_seconds(office.siplbd) - seconds
        wakeups = office.siplbd.metrics().sum("siplb_loop_wakeups_total") - wakeups
        print(f"in {SPAN_S} s: {wakeups:.0f} wake-ups, {seconds} s of processor time")
        assert wakeups < WAKEUPS_PER_SECOND * SPAN_S
        assert seconds <= 0.02  # scrapes of the metrics, and the kernel's rounding
        office.call()
