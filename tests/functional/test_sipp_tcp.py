"""sipp over TCP through siplbd, to servers over TCP and UDP, and from UDP to TCP: no call fails.

With one connection for all calls (t1) and with one for each (tn).
"""

import pytest

from siplb import LOOPBACK, SCENARIOS, Daemon, configuration, group, listener
from test_sipp import CALLEE, CALLER, SippServers, call_through

CALLS = 300
RATE = 200

# How the caller and the servers speak, workers and IP version.
WAYS = [
    ("t1", "t1", 1, 4),
    ("t1", "tn", 2, 4),
    ("tn", "t1", 2, 4),
    ("tn", "tn", 1, 4),
    ("tn", "tn", 2, 6),
    ("t1", "u1", 2, 4),
    ("tn", "u1", 1, 4),
    ("un", "t1", 1, 4),
    ("un", "tn", 2, 4),
]


def assert_none_fails(folder, way, caller, callee):
    """`caller` and `callee` are scenarios of sipp."""
    from_caller, to_servers, workers, family = way
    host = LOOPBACK[family]
    with SippServers(folder, host, callee, to_servers) as servers:
        transport = "udp" if to_servers.startswith("u") else "tcp"
        config = configuration([listener(host=host, transports=["udp", "tcp"])],
                               [group(servers.addresses, transport=transport)], workers=workers)
        with Daemon(folder, config) as siplbd:
            # Over UDP from another address: with a server's address and port it would be a server.
            source = "127.0.0.2" if from_caller == "un" else host
            with call_through(siplbd, folder, CALLS, RATE, caller, from_caller, source) as calls:
                figures = calls.wait()
            assert (figures["SuccessfulCall"], figures["FailedCall"]) == (CALLS, 0)
            assert sum(servers.wait_for_calls(CALLS)) == CALLS
            metrics = siplbd.metrics()
            assert metrics.sum("siplb_server_failovers_total") == 0
            assert metrics.sum("siplb_stream_unsent_total") == 0
            assert metrics.sum("siplb_responses_lost_total") == 0
            accepted = metrics.sum("siplb_connections_begun_total", direction="accepted")
            assert accepted == {"un": 0, "t1": 1, "tn": CALLS}[from_caller]


@pytest.mark.parametrize("way", WAYS)
def test_builtin_scenarios_succeed(tmp_path, way):
    assert_none_fails(tmp_path, way, ("-sn", "uac"), ("-sn", "uas"))


@pytest.mark.parametrize("way", WAYS)
def test_route_sets_lead_both_ways(tmp_path, way):
    """The callee's INFO finds the caller's connection, and all bear the token."""
    # As in test_sipp.py: without a pause the BYE may overtake the answer before it.
    assert_none_fails(tmp_path, way, (*CALLER, "-d", 100), CALLEE)


@pytest.mark.parametrize("caller, callee", [("busy_caller", "busy_callee"),
                                            ("cancelling_caller", "cancelled_callee")])
@pytest.mark.parametrize("way", [("tn", "t1", 2, 4), ("t1", "u1", 1, 4), ("un", "t1", 2, 4)])
def test_calls_that_come_to_nothing_end_well(tmp_path, way, caller, callee):
    """486 and 487, each acknowledged on both hops."""
    assert_none_fails(tmp_path, way, *(("-sf", SCENARIOS / f"{name}.xml")
                                       for name in (caller, callee)))
