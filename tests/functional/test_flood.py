"""More than siplbd can take, longer than it can take, and what is no message at all."""

import pytest

from siplb import (LOOPBACK, Daemon, Peer, answer, configuration, group, host_port, listener,
                   new_request, sent_by, set_up_call, uri_address, wait_until)

FLOOD = 20_000
DATAGRAM_MAX = 65_507


def test_flood_beyond_the_receive_buffer_is_counted(tmp_path, peers):
    """Each datagram is either answered or in the kernel's count of those it dropped."""
    [client, server] = peers(2)
    config = configuration([listener()], [group([server.address])], global_={"lanes": 1},
                           limits={"socket_receive": "64KiB"})
    with Daemon(tmp_path, config) as siplbd:
        ours = f"sip:{host_port(siplbd.address)}"
        octets = new_request(client, "OPTIONS", "flood", ours).encode()
        for _ in range(FLOOD):
            client.send(octets, siplbd.address)

        def accounted():
            # The kernel's count is read when a message comes, a while after the last reading.
            client.send(b"\r\n\r\n", siplbd.address)
            metrics = siplbd.metrics()
            return (metrics.sum("siplb_messages_received_total", kind="request")
                    + metrics.sum("siplb_kernel_drops_total") >= FLOOD)
        wait_until(accounted, "all datagrams received or counted as dropped")
        metrics = siplbd.metrics()
        assert (metrics.sum("siplb_messages_answered_total", code="200")
                == metrics.sum("siplb_messages_received_total", kind="request"))
        while client.hears():
            client.receive()
        set_up_call(client, siplbd.address, [server], "after")


@pytest.mark.parametrize("family", [4, 6])
def test_longest_datagrams_pass(tmp_path, family):
    """As long as what siplb may add still fits."""
    host = LOOPBACK[family]
    with Peer(host) as client, Peer(host) as server:
        config = configuration([listener(host=host)], [group([server.address])])
        with Daemon(tmp_path, config) as siplbd:
            for length in (1_500, 2_048, 8_192, 62_880):
                request = new_request(client, "MESSAGE", f"long-{length}")
                request.body = "x" * (length - len(request.encode()) - 8)
                request = request.with_header("Content-Length", str(len(request.body)))
                client.send(request, siplbd.address)
                arrived = server.receive()
                assert arrived.body == request.body
                server.send(answer(arrived, 200, to_tag="to"),
                            uri_address(f"sip:{sent_by(arrived)}"))
                assert client.receive().status == 200


def test_datagrams_that_would_outgrow_udp_are_refused(tmp_path, peers):
    [client, server] = peers(2)
    with Daemon(tmp_path, configuration([listener()], [group([server.address])])) as siplbd:
        request = new_request(client, "MESSAGE", "longest")
        request = request.with_header("Content-Length", "60000")
        request.body = "x" * 60_000
        padding = DATAGRAM_MAX - len(request.encode()) - len("Subject: \r\n")
        request.headers.append(("Subject", "s" * padding))
        assert len(request.encode()) == DATAGRAM_MAX
        client.send(request, siplbd.address)
        client.send(b"x" * DATAGRAM_MAX, siplbd.address)
        assert client.receive().status == 513
        siplbd.wait_metric(1, "siplb_messages_dropped_total", reason="not_sip")
        assert siplbd.metrics().sum("siplb_send_failed_total") == 0
        set_up_call(client, siplbd.address, [server], "after")


def test_keep_alives_are_absorbed(tmp_path, peers):
    [client, server] = peers(2)
    keep_alives = [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0"]
    with Daemon(tmp_path, configuration([listener()], [group([server.address])],
                                        workers=2)) as siplbd:
        for keep_alive in keep_alives:
            client.send(keep_alive, siplbd.address)
        siplbd.wait_metric(len(keep_alives), "siplb_messages_absorbed_total", reason="keep_alive")
        assert siplbd.metrics().sum("siplb_messages_dropped_total") == 0
        set_up_call(client, siplbd.address, [server], "after")
        assert not client.hears()
