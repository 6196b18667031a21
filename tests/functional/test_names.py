"""Servers by name: what a name server says moves traffic, and what goes wrong with it does not.

Answers live for one second here, the least that siplbd believes.
"""

import socket
import threading

import pytest

from dns import NXDOMAIN, SERVFAIL, NameServer
from siplb import (Daemon, Message, Peer, answer, configuration, free_port, listener, new_request,
                   wait_until)

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
