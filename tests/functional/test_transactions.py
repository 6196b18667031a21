"""Requests through a network that loses, and to servers that are silent, slow or lossy: none is
lost, none is delivered twice, and nothing of them is left over.
"""

from collections import defaultdict

import pytest

from siplb import (Daemon, SimulatedServers, addresses_of, answer, configuration, free_port, group,
                   listener, new_request, place_calls, receive_any, sent_by, uri_address,
                   wait_until)

LOSS = ("--loss", "5")


def assert_nothing_is_left(siplbd):
    """What is under way ends, and every slot is back in its pool."""
    def metrics_at_rest():
        metrics = siplbd.metrics()
        under_way = metrics.sum("siplb_transactions", state="pending")
        return metrics if under_way == 0 else None
    metrics = wait_until(metrics_at_rest, "no transaction under way")
    assert metrics.sum("siplb_pool_slots", state="used") == 0
    assert metrics.sum("siplb_server_inflight") == 0
    siplbd.assert_conserved()


@pytest.mark.parametrize("max_attempts", [1, 3])
def test_calls_get_through_a_network_that_loses(tmp_path, max_attempts):
    """Each way, on both sides; a fifth of the calls is cancelled. Only failover may ring twice."""
    calls = 2_000
    failover = {"max_attempts": max_attempts}
    with SimulatedServers(3, *LOSS, ring="100ms") as servers:
        config = configuration([listener()], [group(servers.addresses, failover=failover)],
                               workers=2, timers={"invite": "16s"})
        with Daemon(tmp_path, config) as siplbd:
            code, figures = place_calls(siplbd, calls, *LOSS, "--cancel", "20",
                                        pace=("--rate", "400"))
            assert (code, figures["succeeded"], figures["in_flight"]) == (0, calls, 0), figures
            assert figures["lost_sent"] > 0 and figures["lost_received"] > 0
            assert figures["unreleased"] == 0
            assert_nothing_is_left(siplbd)
            metrics = siplbd.metrics()
            failovers = metrics.sum("siplb_server_failovers_total")
        totals = servers.end()
        assert totals["lost_sent"] > 0 and totals["lost_received"] > 0
        assert totals["distinct_invites"] == calls
        assert totals["calls_seen_twice"] <= failovers
        assert sum(totals["delivered_twice"].values()) <= failovers  # each such call has two BYEs
        assert (failovers > 0) == (max_attempts > 1)


# What a second delivery would do twice: a text, a transfer, a change of presence.
HARMFUL = [(method, f"{method}-{i}") for method in ("MESSAGE", "REFER", "PUBLISH")
           for i in range(10)]


class Deliveries:
    """Where each request came to, copy by copy; servers answer from the `answered_copy`-th on."""

    def __init__(self, servers, answered_copy):
        self.servers = servers
        self.answered_copy = answered_copy
        self.copies = defaultdict(list)  # by Call-ID: (server, branch)

    def take(self):
        server, request = receive_any(self.servers)
        copies = self.copies[request["Call-ID"]]
        copies.append((server, request.branch))
        if len(copies) >= self.answered_copy:
            server.send(answer(request, 200, to_tag="to"), uri_address(f"sip:{sent_by(request)}"))

    def take_until_each_came(self, times):
        while len(self.copies) < len(HARMFUL) or min(map(len, self.copies.values())) < times:
            self.take()

    def take_what_is_there(self):
        while any(server.hears() for server in self.servers):
            self.take()

    def assert_nothing_came_twice(self):
        assert {call_id: len(set(copies)) for call_id, copies in self.copies.items()} == {
            call_id: 1 for _, call_id in HARMFUL}


def impatient(servers):
    """Each repeat comes early, and failover would."""
    return configuration([listener()],
                         [group(servers, failover={"first_response_timeout": "300ms"})],
                         workers=2, timers={"t1": "200ms", "non_invite": "3s"})


def send_harmful(client, siplbd):
    for method, call_id in HARMFUL:
        client.send(new_request(client, method, call_id), siplbd.address)


def assert_each_is_answered(client):
    assert {(response.status, response["Call-ID"])
            for response in (client.receive() for _ in HARMFUL)} == {
        (200, call_id) for _, call_id in HARMFUL}


def test_silent_server_keeps_what_it_may_have_taken(tmp_path, peers):
    """Nor is its silence answered by 408 (RFC 4320)."""
    [client], servers = peers(1), peers(3)
    deliveries = Deliveries(servers, answered_copy=1_000)
    with Daemon(tmp_path, impatient(addresses_of(servers))) as siplbd:
        send_harmful(client, siplbd)
        deliveries.take_until_each_came(3)
        send_harmful(client, siplbd)
        assert_nothing_is_left(siplbd)
        deliveries.take_what_is_there()
        deliveries.assert_nothing_came_twice()
        assert not client.hears()


# One copy or its answer is lost; the server takes its time.
@pytest.mark.parametrize("answered_copy", [2, 4])
def test_requests_reach_one_server_however_often_they_are_sent(tmp_path, peers, answered_copy):
    [client], servers = peers(1), peers(3)
    deliveries = Deliveries(servers, answered_copy)
    with Daemon(tmp_path, impatient(addresses_of(servers))) as siplbd:
        send_harmful(client, siplbd)
        deliveries.take_until_each_came(1)
        send_harmful(client, siplbd)
        deliveries.take_until_each_came(answered_copy)
        assert_each_is_answered(client)
        send_harmful(client, siplbd)
        deliveries.take_until_each_came(answered_copy + 1)
        assert_each_is_answered(client)
        deliveries.assert_nothing_came_twice()
        assert_nothing_is_left(siplbd)


def test_requests_leave_a_closed_port_for_one_other_server(tmp_path, peers):
    [client], servers = peers(1), peers(2)
    deliveries = Deliveries(servers, answered_copy=1)
    closed = ("127.0.0.1", free_port())
    with Daemon(tmp_path, impatient([*addresses_of(servers), closed])) as siplbd:
        send_harmful(client, siplbd)
        deliveries.take_until_each_came(1)
        assert_each_is_answered(client)
        assert siplbd.metrics().sum("siplb_server_failovers_total", server="s3",
                                    reason="unreachable") > 0
        deliveries.assert_nothing_came_twice()
        assert_nothing_is_left(siplbd)
