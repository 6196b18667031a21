"""Between transports: the size rule (RFC 3261, 18.1.1) with its way back, and STUN beside SIP."""

import os
import socket
import struct
from contextlib import ExitStack

import pytest

from siplb import (LOOPBACK, Daemon, Peer, answer, configuration, free_port, group, hop_ack,
                   listener, new_request, receive_any)
from streams import StreamServer, stream_listener

LARGEST_DATAGRAM = 1300

# ---- the size rule -------------------------------------------------------------------------------


class Office:
    """A server that takes UDP and, at the same port, TCP where it says so."""

    def __init__(self, folder, stack, takes_tcp=True):
        port = free_port()
        self.datagrams = stack.enter_context(Peer(port=port))
        self.ends = [self.datagrams]
        if takes_tcp:
            self.ends.append(stack.enter_context(StreamServer(port=port)))
        made = group([self.datagrams.address])
        made["servers"][0]["transports"] = ["udp", "tcp"]
        self.siplbd = stack.enter_context(
            Daemon(folder, configuration([stream_listener()], [made])))
        self.client = stack.enter_context(Peer())

    def send(self, method, call_id, padding):
        """(how it came to the server, how long it was there)"""
        request = new_request(self.client, method, call_id)
        self.client.send(request.with_header("Subject", "x" * padding), self.siplbd.address)
        at, arrived = receive_any(self.ends)
        at.send(answer(arrived, 486, at, "to"), self.siplbd.address)
        response = self.client.receive_response()
        assert (response.status, response["Call-ID"]) == (486, call_id)
        if method == "INVITE":
            self.client.send(hop_ack(request, response), self.siplbd.address)
            assert at.receive().method == "ACK"  # siplb's own, by the way of the INVITE
        return at.transport, len(arrived.encode())


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_requests_too_long_for_a_datagram_go_by_tcp(tmp_path, method):
    with ExitStack() as stack:
        office = Office(tmp_path, stack)
        ways = [office.send(method, f"call-{padding:04}", padding)
                for padding in [1, *range(500, 1200, 5), 5000]]
        by_udp = [length for way, length in ways[:-1] if way == "UDP"]
        assert {way for way, _ in ways[:len(by_udp)]} == {"UDP"}
        assert {way for way, _ in ways[len(by_udp):]} == {"TCP"}
        assert LARGEST_DATAGRAM - 5 < max(by_udp) <= LARGEST_DATAGRAM


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_server_that_refuses_tcp_gets_them_by_udp(tmp_path, method):
    """And is not asked again for a while."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, takes_tcp=False)
        for number in range(20):
            assert office.send(method, f"call-{number}", 2000)[0] == "UDP"
        metrics = office.siplbd.metrics()
        # Each lane finds out for itself.
        lanes = 4
        assert 1 <= metrics.sum("siplb_connections_ended_total", reason="refused") <= lanes
        assert metrics.sum("siplb_server_failovers_total") == 0


# ---- STUN (RFC 5389; RFC 5626, 4.4.2) ------------------------------------------------------------

BINDING_REQUEST, BINDING_SUCCESS = 0x0001, 0x0101
XOR_MAPPED_ADDRESS = 0x0020
COOKIE = 0x2112A442


def mapped_address(octets, transaction):
    """What a binding response tells its client of its address."""
    kind, length, cookie = struct.unpack(">HHI", octets[:8])
    assert (kind, length, cookie) == (BINDING_SUCCESS, len(octets) - 20, COOKIE)
    assert octets[8:20] == transaction
    rest = octets[20:]
    while rest:
        name, length = struct.unpack(">HH", rest[:4])
        value, rest = rest[4:4 + length], rest[4 + (length + 3) // 4 * 4:]
        if name == XOR_MAPPED_ADDRESS:
            mask = struct.pack(">I", COOKIE) + transaction
            port = struct.unpack(">H", value[2:4])[0] ^ COOKIE >> 16
            host = bytes(a ^ b for a, b in zip(value[4:], mask))
            family = {1: socket.AF_INET, 2: socket.AF_INET6}[value[1]]
            return socket.inet_ntop(family, host), port
    raise AssertionError("no XOR-MAPPED-ADDRESS")


@pytest.mark.parametrize("family", [4, 6])
def test_stun_is_answered_where_it_is_asked_for(tmp_path, family):
    host = LOOPBACK[family]
    listeners = [listener("with", host, stun=True), listener("without", host)]
    with Peer(host) as client, Peer(host) as server:
        config = configuration(listeners, [group([server.address])], global_={"lanes": 1})
        with Daemon(tmp_path, config) as siplbd:
            transaction = os.urandom(12)
            request = struct.pack(">HHI", BINDING_REQUEST, 0, COOKIE) + transaction
            client.send(request, siplbd.addresses["with"])
            assert mapped_address(client.socket.recv(2048), transaction) == client.address
            client.send(request, siplbd.addresses["without"])
            siplbd.settle()
            assert not client.hears()
