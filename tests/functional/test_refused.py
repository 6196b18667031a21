"""A server or client whose port is closed harms no call but its own, and a server not even that.

Errors that come back on the shared socket belong to some other message than the one at hand: they
are counted, and each message to the other servers still leaves.
"""

import pytest

from siplb import (LOOPBACK, Daemon, Dialog, Peer, addresses_of, answer, configuration, free_port,
                   group, listener, new_request, receive_any)

CALLS = 150


@pytest.mark.parametrize("family", [4, 6])
def test_closed_port_harms_no_other_call(tmp_path, family):
    host = LOOPBACK[family]
    with Peer(host) as client, Peer(host) as first, Peer(host) as second:
        closed = (host, free_port(host))
        config = configuration(
            [listener(host=host)],
            [group([*addresses_of([first, second]), closed], policy="round-robin")], workers=2)
        with Daemon(tmp_path, config) as siplbd:
            # All at once, so that errors and messages meet on the socket.
            for i in range(CALLS):
                client.send(new_request(client, "INVITE", f"call-{i}"), siplbd.address)
            reached = {}
            for _ in range(CALLS):
                server, invite = receive_any([first, second])
                assert invite["Call-ID"] not in reached
                reached[invite["Call-ID"]] = server
                server.send(answer(invite, 200, server, "to"), siplbd.address)
            for _ in range(CALLS):
                caller = Dialog.of_caller(client, client.receive_response())
                caller.send("ACK", cseq=1)
                server, ack = receive_any([first, second])
                assert (ack.method, server) == ("ACK", reached[caller.call_id])
            metrics = siplbd.metrics()
            failovers = metrics.sum("siplb_server_failovers_total", server="s3",
                                    reason="unreachable")
            assert failovers == metrics.sum("siplb_server_requests_total", server="s3") > 0
            assert metrics.sum("siplb_icmp_errors_total", reason="refused") >= failovers


def test_client_that_is_gone_harms_no_call(tmp_path, peers):
    """Answers to a client that has closed its socket, between those of one that has not."""
    [client, server] = peers(2)
    with Daemon(tmp_path, configuration([listener()], [group([server.address])])) as siplbd:
        with Peer() as leaving:
            for i in range(40):
                for peer in (leaving, client):
                    peer.send(new_request(peer, "INVITE", f"{peer.address[1]}-{i}"),
                              siplbd.address)
            arrived = [server.receive() for _ in range(80)]
        for invite in arrived:
            server.send(answer(invite, 180, to_tag="to"), siplbd.address)
        assert {client.receive_response()["Call-ID"] for _ in range(40)} == {
            f"{client.address[1]}-{i}" for i in range(40)}
        siplbd.wait_metric(1, "siplb_icmp_errors_total", reason="refused")
