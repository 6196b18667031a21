"""Workers allocate no heap memory for messages: not for good ones, nor for any other."""

import socket

import pytest

from siplb import (Daemon, Peer, SimulatedServers, answer, configuration, group, host_port,
                   listener, new_request, place_calls)

WARM_UP_CALLS = 200
CALLS = 2500


def send_faults(siplbd, count):
    """Garbage, forged responses, and requests that are refused, in turn."""
    ours = f"sip:{host_port(siplbd.address)}"
    with Peer() as peer:
        forged = answer(new_request(peer, "INVITE", "forged"), 200)
        forged = forged.with_header(
            "Via", f"SIP/2.0/UDP {host_port(siplbd.address)};branch=z9hG4bKslbx;slb=QQQQQQQ00x",
            forged["Via"])
        faults = [
            b"", b"\r\n\r\n", b"\0", b"garbage", b"INVITE sip:x SIP/2.0\r\n\r\n", b"\xff" * 3000,
            b"A" * 60000, forged,
            new_request(peer, "PUBLISH", "rejected"),
            new_request(peer, "MESSAGE", "dropped"),
            new_request(peer, "INVITE", "hops").with_header("Max-Forwards", "0"),
            new_request(peer, "INVITE", "cseq").with_header("CSeq", "1 BYE"),
            new_request(peer, "INVITE", "relay").with_header("Route", "<sip:192.0.2.1;lr>"),
            new_request(peer, "BYE", "no-dialog").with_header("To", "<sip:b@example.com>;tag=x"),
            new_request(peer, "OPTIONS", "to-us", ours),
        ]
        for i in range(count):
            peer.send(faults[i % len(faults)], siplbd.address)
            if i % len(faults) == len(faults) - 1:
                while peer.receive()["CSeq"] != "1 OPTIONS":
                    pass


@pytest.mark.parametrize("policy", ["maglev", "round-robin"])
def test_messages_cost_no_heap_allocation(tmp_path, policy):
    with SimulatedServers(3) as servers:
        config = configuration(
            [listener()], [group(servers.addresses, policy=policy)], workers=2,
            routes=[{"name": "barred", "match": {"methods": ["PUBLISH"]}, "reject": {"code": 403}},
                    {"name": "unheard", "match": {"methods": ["MESSAGE"]}, "drop": True},
                    {"name": "default", "group": "pbx"}])
        with Daemon(tmp_path, config) as siplbd:
            place_calls(siplbd, WARM_UP_CALLS)
            send_faults(siplbd, 30)
            before = siplbd.metrics()
            for calls, kind in [(CALLS, "call"), (500, "options"), (500, "register")]:
                code, figures = place_calls(siplbd, calls, "--mix", kind)
                assert code == 0, figures
            send_faults(siplbd, 3000)
            after = siplbd.metrics()

    def grown(name, **labels):
        return after.sum(name, **labels) - before.sum(name, **labels)
    assert grown("siplb_messages_forwarded_total") > 4 * CALLS
    assert grown("siplb_messages_dropped_total") > 1000
    assert grown("siplb_worker_heap_allocations_total") == 0
