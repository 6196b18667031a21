"""Servers by name: what a name server says moves traffic, and what goes wrong with it does not; and
names that servers write into requests.

Answers live for one second here, the least that siplbd believes.
"""

import itertools
import socket
import threading

import pytest

from dns import NXDOMAIN, SERVFAIL, NameServer
from siplb import (Daemon, Dialog, Message, Peer, answer, cancel, configuration, free_port, group,
                   listener, new_request, receive_any, wait_until)

HEALTH = {"interval": "200ms", "fast_interval": "100ms", "timeout": "200ms"}
ENOUGH = 20  # requests after which each of two servers has had some


class Server(threading.Thread):
    """Answers whatever comes, probes too, and counts what is no probe."""

    def __init__(self, host="127.0.0.1", port=0):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        self.taken = 0
        self.start()

    def run(self):
        while True:
            octets, source = self.socket.recvfrom(65536)
            if not octets:
                return
            request = Message.parse(octets)
            self.taken += request.method != "OPTIONS"
            self.socket.sendto(answer(request, 200, to_tag="server").encode(), source)

    def close(self):
        """Its port is closed from now on."""
        if not self.is_alive():
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture
def servers():
    """Two servers on one port of two addresses, which a name can lead to."""
    with Server("127.0.0.1") as first, Server("127.0.0.2", first.port) as second:
        yield first, second


def named(dns, uri, **more):
    group = {"name": "pbx", "policy": "round-robin", "health": HEALTH, "slow_start": "0s",
             "servers": [{"name": "s1", "uri": uri}], **more}
    return configuration([listener()], [group], global_={"nameservers": [dns.text]})


class Traffic:
    """A client that sends one request after the other; all of them have to succeed."""

    def __init__(self, siplbd, peer):
        self.siplbd = siplbd
        self.peer = peer
        self.count = 0

    def status(self):
        """Of one request."""
        self.count += 1
        request = new_request(self.peer, "MESSAGE", f"request-{self.count}")
        self.peer.send(request, self.siplbd.address)
        return self.peer.receive().status

    def reaches(self, *servers):
        """Whether enough requests are taken by exactly these servers, each of them by some."""
        before = [server.taken for server in servers]
        assert [self.status() for _ in range(ENOUGH)] == [200] * ENOUGH
        gained = [server.taken - was for server, was in zip(servers, before)]
        return sum(gained) == ENOUGH and all(gained)


@pytest.fixture
def dns():
    with NameServer() as server:
        yield server


def test_changed_address_moves_traffic_without_restart(tmp_path, dns, servers):
    first, second = servers
    dns.lead("pbx.test", "127.0.0.1")
    with Daemon(tmp_path, named(dns, f"sip:pbx.test:{first.port}")) as siplbd, Peer() as peer:
        traffic = Traffic(siplbd, peer)
        assert traffic.reaches(first)
        dns.lead("pbx.test", "127.0.0.2", "127.0.0.1")
        wait_until(lambda: traffic.reaches(first, second), "requests at both addresses")
        dns.lead("pbx.test", "127.0.0.2")
        wait_until(lambda: traffic.reaches(second), "requests at the new address only")


def test_changed_service_moves_traffic_without_restart(tmp_path, dns):
    dns.lead("a.test", "127.0.0.1")
    with Server() as first, Server() as second:
        dns.serve("_sip._udp.pbx.test", (10, 1, first.port, "a.test"))
        with Daemon(tmp_path, named(dns, "sip:pbx.test")) as siplbd, Peer() as peer:
            traffic = Traffic(siplbd, peer)
            assert traffic.reaches(first)
            dns.serve("_sip._udp.pbx.test", (10, 1, first.port, "a.test"),
                      (10, 1, second.port, "a.test"))
            wait_until(lambda: traffic.reaches(first, second), "requests at both targets")
            dns.serve("_sip._udp.pbx.test", (20, 1, first.port, "a.test"),
                      (10, 1, second.port, "a.test"))
            wait_until(lambda: traffic.reaches(second), "requests at the better target only")


@pytest.mark.parametrize("trouble, result", [("silence", "timed-out"), (SERVFAIL, "failed"),
                                             (NXDOMAIN, "no-such-name"), ("gone", "failed")])
def test_dead_name_server_changes_nothing_but_a_metric(tmp_path, servers, trouble, result):
    with NameServer() as dns:
        dns.lead("pbx.test", "127.0.0.1", "127.0.0.2")
        uri = f"sip:pbx.test:{servers[0].port}"
        with Daemon(tmp_path, named(dns, uri)) as siplbd, Peer() as peer:
            traffic = Traffic(siplbd, peer)
            assert traffic.reaches(*servers)
            before = siplbd.metrics().sum("siplb_name_lookups_total", result=result)
            if trouble == "gone":
                dns.close()
            else:
                dns.trouble = trouble
            # More than one for each family: so it is asked again, and nothing changes then either.
            siplbd.wait_metric(before + 3, "siplb_name_lookups_total", result=result)
            assert traffic.reaches(*servers)
            metrics = siplbd.metrics()
            assert metrics.sum("siplb_names_without_address") == 0
            assert metrics.sum("siplb_server_state", state="up") == 2
            # The answers were good for one second.
            assert metrics.sum("siplb_name_age_seconds") > 1


def test_one_of_two_addresses_dead_takes_out_that_one_only(tmp_path, dns, servers):
    first, second = servers
    dns.lead("pbx.test", "127.0.0.1", "127.0.0.2")
    with Daemon(tmp_path, named(dns, f"sip:pbx.test:{first.port}")) as siplbd, Peer() as peer:
        traffic = Traffic(siplbd, peer)
        assert traffic.reaches(first, second)
        second.close()
        wait_until(lambda: siplbd.metrics().sum("siplb_server_up", server="s1/2") == 0,
                   "the dead address is out")
        assert traffic.reaches(first)
        assert siplbd.metrics().sum("siplb_server_up", server="s1/1") == 1
        with Server("127.0.0.2", first.port) as again:
            wait_until(lambda: siplbd.metrics().sum("siplb_server_up", server="s1/2") == 1,
                       "it is back")
            assert traffic.reaches(first, again)


def test_address_that_no_listener_reaches_is_left_out(tmp_path, dns, servers):
    first, _ = servers
    dns.lead("pbx.test", "127.0.0.1", "::1")
    with Daemon(tmp_path, named(dns, f"sip:pbx.test:{first.port}")) as siplbd, Peer() as peer:
        assert Traffic(siplbd, peer).reaches(first)
        assert siplbd.metrics().sum("siplb_name_addresses_ignored") == 1


def test_name_that_leads_to_a_listener_makes_no_loop(tmp_path, dns):
    port = free_port()
    dns.lead("pbx.test", "127.0.0.1")
    config = named(dns, f"sip:pbx.test:{port}")
    config["listeners"] = [listener(port=port)]
    with Daemon(tmp_path, config) as siplbd, Peer() as peer:
        assert Traffic(siplbd, peer).status() == 503
        assert siplbd.metrics().sum("siplb_name_addresses_ignored") == 1


def test_silent_name_server_does_not_keep_siplbd_from_its_start(tmp_path, dns, servers):
    first, second = servers
    dns.trouble = "silence"
    config = named(dns, f"sip:pbx.test:{first.port}")
    config["groups"][0]["servers"].append({"name": "s2", "uri": f"sip:127.0.0.2:{second.port}"})
    with Daemon(tmp_path, config) as siplbd, Peer() as peer:
        assert siplbd.wait_event("name without address")["host"] == "pbx.test"
        traffic = Traffic(siplbd, peer)
        assert traffic.reaches(second)
        dns.lead("pbx.test", "127.0.0.1")
        dns.trouble = None
        wait_until(lambda: traffic.reaches(first, second), "requests at the name's address too")


def test_name_that_leads_nowhere_refuses_calls_until_it_does(tmp_path, dns, servers):
    first, _ = servers
    with Daemon(tmp_path, named(dns, f"sip:pbx.test:{first.port}")) as siplbd, Peer() as peer:
        assert siplbd.metrics().sum("siplb_names_without_address") == 1
        traffic = Traffic(siplbd, peer)
        assert traffic.status() == 503
        dns.lead("pbx.test", "127.0.0.1")
        wait_until(lambda: siplbd.metrics().sum("siplb_names_without_address") == 0,
                   "the name leads somewhere")
        wait_until(lambda: traffic.status() == 200, "a request is taken")
        assert traffic.reaches(first)


# ---- Names in requests of servers ---------------------------------------------------------------


def by_request_uri(dns, server):
    """What `server` sends goes where its Request-URI leads."""
    routes = [{"name": "out", "match": {"from_group": "pbx"}, "forward": "request-uri"},
              {"name": "rest", "group": "pbx"}]
    return configuration([listener()], [group([server.address])], workers=2, routes=routes,
                         global_={"nameservers": [dns.text]})


@pytest.fixture
def pbx():
    with Peer() as server:
        yield server


@pytest.fixture
def phones():
    """Two phones on one port of two addresses, which a name can lead to."""
    with Peer("127.0.0.1") as first, Peer("127.0.0.2", first.address[1]) as second:
        yield first, second


class Calls:
    """What the server sends to a name, one request after the other."""

    numbers = itertools.count(1)  # of all: no request is another one's repeat

    def __init__(self, siplbd, pbx, uri):
        self.siplbd = siplbd
        self.pbx = pbx
        self.uri = uri

    def send(self, method="MESSAGE"):
        request = new_request(self.pbx, method, f"to-a-name-{next(self.numbers)}", self.uri)
        self.pbx.send(request, self.siplbd.address)
        return request

    def reaches(self, *phones):
        """The phone of these that the next request comes to, which takes it."""
        self.send()
        phone, request = receive_any(phones)
        phone.send(answer(request, 200, phone, "phone"), self.siplbd.address)
        assert self.pbx.receive_response().status == 200
        return phone


def test_call_to_a_name_reaches_where_it_leads(tmp_path, dns, pbx, phones):
    phone, _ = phones
    dns.lead("phone.test", "127.0.0.1")
    with Daemon(tmp_path, by_request_uri(dns, pbx)) as siplbd:
        calls = Calls(siplbd, pbx, f"sip:bob@Phone.test:{phone.address[1]}")
        calls.send("INVITE")
        invite = phone.receive()
        assert invite.uri == calls.uri
        phone.send(answer(invite, 200, phone, "bob"), siplbd.address)
        dialog = Dialog.of_caller(pbx, pbx.receive_response())
        for method in ("ACK", "BYE"):
            dialog.send(method)
            request = phone.receive()
            assert request.method == method
        phone.send(answer(request, 200), siplbd.address)
        assert pbx.receive_response().status == 200
        metrics = siplbd.metrics()
        assert metrics.sum("siplb_messages_absorbed_total", reason="name_awaited") == 1
        assert metrics.sum("siplb_messages_originated_total", kind="named") == 1
        assert metrics.sum("siplb_request_names") == 1
        assert metrics.sum("siplb_requests_awaiting_name") == 0


def test_service_of_a_name_says_where_it_leads(tmp_path, dns, pbx, phones):
    phone, _ = phones
    dns.lead("a.test", "127.0.0.1")
    dns.serve("_sip._udp.phone.test", (10, 1, phone.address[1], "a.test"))
    with Daemon(tmp_path, by_request_uri(dns, pbx)) as siplbd:
        assert Calls(siplbd, pbx, "sip:bob@phone.test").reaches(*phones) == phone


def test_changed_answer_leads_later_requests_elsewhere(tmp_path, dns, pbx, phones):
    first, second = phones
    dns.lead("phone.test", "127.0.0.1")
    with Daemon(tmp_path, by_request_uri(dns, pbx)) as siplbd:
        calls = Calls(siplbd, pbx, f"sip:bob@phone.test:{first.address[1]}")
        assert calls.reaches(*phones) == first
        dns.lead("phone.test", "127.0.0.2")
        wait_until(lambda: calls.reaches(*phones) == second, "requests at the new address")


def test_name_that_does_not_exist_is_unavailable(tmp_path, dns, pbx):
    with Daemon(tmp_path, by_request_uri(dns, pbx)) as siplbd:
        calls = Calls(siplbd, pbx, "sip:bob@nobody.test:5060")
        for _ in range(2):
            calls.send()
            assert pbx.receive_response().status == 480
        metrics = siplbd.metrics()
        assert metrics.sum("siplb_request_names_refused_total", reason="nowhere") == 2
        # The second time that was known.
        assert metrics.sum("siplb_messages_absorbed_total", reason="name_awaited") == 1


def test_dead_name_server_keeps_known_names_and_refuses_others(tmp_path, dns, pbx, phones):
    phone, _ = phones
    dns.lead("phone.test", "127.0.0.1")
    with Daemon(tmp_path, by_request_uri(dns, pbx)) as siplbd:
        known = Calls(siplbd, pbx, f"sip:bob@phone.test:{phone.address[1]}")
        assert known.reaches(*phones) == phone
        dns.trouble = "silence"
        Calls(siplbd, pbx, "sip:bob@unknown.test").send()
        assert pbx.receive_response().status == 480
        assert siplbd.metrics().sum("siplb_request_names_refused_total") == 1
        # The answers were good for one second: they have been asked for again, in vain.
        siplbd.wait_metric(4, "siplb_request_name_lookups_total", result="timed-out")
        assert known.reaches(*phones) == phone


def test_cancelled_while_its_name_is_looked_up(tmp_path, dns, pbx):
    dns.trouble = "silence"
    with Daemon(tmp_path, by_request_uri(dns, pbx)) as siplbd:
        invite = Calls(siplbd, pbx, "sip:bob@phone.test:5060").send("INVITE")
        siplbd.wait_metric(1, "siplb_requests_awaiting_name")
        pbx.send(cancel(invite), siplbd.address)
        answers = {}
        while len(answers) < 2:
            response = pbx.receive_response()
            answers[response.method] = response.status
        assert answers == {"INVITE": 487, "CANCEL": 200}
        assert siplbd.metrics().sum("siplb_requests_awaiting_name") == 0


def test_client_never_makes_siplb_ask(tmp_path, dns, pbx):
    with Daemon(tmp_path, by_request_uri(dns, pbx)) as siplbd, Peer() as client:
        calls = Calls(siplbd, client, "sip:bob@somewhere.test")
        calls.send()
        pbx.send(answer(pbx.receive(), 200, pbx, "server"), siplbd.address)
        assert client.receive().status == 200
        routed = new_request(client, "MESSAGE", "routed").with_header("Route", "<sip:a.test;lr>")
        client.send(routed, siplbd.address)
        assert client.receive().status == 403
        assert dns.asked == []
