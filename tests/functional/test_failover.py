"""One server that does not answer, or all that are slow: what callers and servers see of it.

The set-up times are printed; each bound is one that a slow machine with sanitizers keeps too.
"""

import pytest

from siplb import (Daemon, SimulatedServers, configuration, free_port, group, listener,
                   place_calls)

CALLS = 3_000
RATE = ("--rate", "300")
SLACK_MS = 500  # a machine that stalls; what siplb adds itself is far below


def call_at_rate(siplbd):
    """The callers' figures of calls that all have to succeed, and siplbd's metrics after them."""
    code, figures = place_calls(siplbd, CALLS, pace=RATE)
    assert (code, figures["succeeded"]) == (0, CALLS), figures
    print("set-up in ms:", figures["setup_ms"])
    return figures, siplbd.metrics()


@pytest.mark.parametrize("timeout_ms", [1_000, 300])
def test_silent_server_costs_its_timeout_only(tmp_path, timeout_ms):
    failover = {"first_response_timeout": f"{timeout_ms}ms"}
    with SimulatedServers(3, "--fault", "s2:silent") as servers:
        config = configuration([listener()], [group(servers.addresses, failover=failover)],
                               workers=2)
        with Daemon(tmp_path, config) as siplbd:
            figures, metrics = call_at_rate(siplbd)
            assert figures["servers"].keys() == {"s1", "s3"}
            assert metrics.sum("siplb_server_failovers_total", server="s2",
                               reason="silence") > CALLS / 4
            assert metrics.sum("siplb_retry_budget_exhausted_total") == 0
            assert figures["setup_ms"]["max"] <= timeout_ms + SLACK_MS
        assert servers.end()["calls_seen_twice"] == 0


def test_closed_port_delays_nobody(tmp_path):
    with SimulatedServers(2) as servers:
        addresses = [*servers.addresses, ("127.0.0.1", free_port())]
        with Daemon(tmp_path, configuration([listener()], [group(addresses)],
                                            workers=2)) as siplbd:
            figures, metrics = call_at_rate(siplbd)
            assert metrics.sum("siplb_server_failovers_total", server="s3",
                               reason="unreachable") > CALLS / 4
            assert metrics.sum("siplb_server_failovers_total", reason="silence") == 0
            assert figures["setup_ms"]["p99"] < 200
            assert figures["setup_ms"]["max"] < SLACK_MS
        totals = servers.end()
        assert (totals["distinct_invites"], totals["calls_seen_twice"]) == (CALLS, 0)


def test_slow_servers_get_little_more_than_what_is_offered(tmp_path):
    """An INVITE that has gone to a second server is another one, its repeats are not."""
    with SimulatedServers(3, "--fault", "all:late=1500ms") as servers:
        with Daemon(tmp_path, configuration([listener()], [group(servers.addresses)],
                                            workers=2)) as siplbd:
            figures, metrics = call_at_rate(siplbd)
            failovers = metrics.sum("siplb_server_failovers_total", reason="silence")
            assert figures["unreleased"] == 0
        totals = servers.end()
        invites = sum(server["calls"] for server in totals["servers"])
        print("INVITEs at the servers:", invites, "calls seen twice:", totals["calls_seen_twice"])
        assert invites == CALLS + failovers
        assert 1.0 < invites / CALLS <= 1.2  # above 1, or nothing was put to the test
        assert totals["calls_seen_twice"] <= failovers
