"""sipp's own scenarios and ones with route sets, through siplbd: none fails, shares follow weights.

Call-IDs are fixed, and so are the shares that maglev makes of them: a run repeats.
"""

from contextlib import ExitStack

import pytest

from siplb import (LOOPBACK, SCENARIOS, Daemon, Sipp, configuration, free_port, group, host_port,
                   listener, sipp_server, wait_until)

SHARE_TOLERANCE = 0.05
CALLER = ("-sf", SCENARIOS / "caller.xml")
CALLEE = ("-sf", SCENARIOS / "callee.xml", "-d", 200)


class SippServers(ExitStack):
    """Three sipp servers, to be used in a `with`."""

    def __init__(self, folder, host, scenario=("-sn", "uas"), transport="u1"):
        super().__init__()
        self.servers = [
            self.enter_context(sipp_server(folder, f"s{i}", host, scenario, transport))
            for i in range(1, 4)]
        self.addresses = [server.address for server in self.servers]

    def wait_for_calls(self, count, failed_max=0):
        """How many calls each got, once they got `count` in all; `failed_max` may have failed."""
        def all_figures():
            figures = [server.figures() for server in self.servers]
            arrived = sum(each["IncomingCall"] for each in figures)
            return figures if arrived >= count else None
        figures = wait_until(all_figures, f"{count} calls at the servers")
        failed = [each["FailedCall"] for each in figures]
        assert sum(failed) <= failed_max, failed
        assert [each["OutOfCallMsgs"] for each in figures] == [0, 0, 0]
        return [each["IncomingCall"] for each in figures]


def call_through(siplbd, folder, calls, rate, scenario=("-sn", "uac"), transport="un", host=None,
                 **more):
    """A sipp that calls through siplbd: un and tn have a socket for each call, t1 has one."""
    host = host or siplbd.address[0]
    arguments = [*scenario, host_port(siplbd.address), "-i", host, "-t", transport, "-m", calls,
                 "-r", rate, "-cid_str", "%u@calls.example.com"]
    for name, value in more.items():
        arguments += [f"-{name}", value]
    return Sipp(folder, "caller", arguments)


def assert_calls_spread(folder, config, servers, calls, weights):
    with Daemon(folder, config) as siplbd:
        with call_through(siplbd, folder, calls, rate=300) as caller:
            figures = caller.wait()
        assert (figures["SuccessfulCall"], figures["FailedCall"]) == (calls, 0)
        got = servers.wait_for_calls(calls)
        assert sum(got) == calls
        for count, weight in zip(got, weights):
            assert abs(count / calls - weight / sum(weights)) <= SHARE_TOLERANCE, got


EQUAL = (100, 100, 100)
UNEQUAL = (100, 200, 100)


@pytest.mark.parametrize("policy, family, workers, weights, calls", [
    ("maglev", 4, 1, EQUAL, 5000),
    ("maglev", 4, 2, UNEQUAL, 500),
    ("maglev", 6, 1, UNEQUAL, 500),
    ("maglev", 6, 2, EQUAL, 500),
    ("round-robin", 4, 1, UNEQUAL, 500),
    ("round-robin", 4, 2, EQUAL, 500),
    ("round-robin", 6, 1, EQUAL, 500),
    ("round-robin", 6, 2, UNEQUAL, 500),
])
def test_builtin_scenarios_succeed_and_follow_the_weights(tmp_path, policy, family, workers,
                                                          weights, calls):
    host = LOOPBACK[family]
    with SippServers(tmp_path, host) as servers:
        config = configuration([listener(host=host)],
                               [group(servers.addresses, weights=weights, policy=policy)],
                               workers=workers)
        assert_calls_spread(tmp_path, config, servers, calls, weights)


@pytest.mark.parametrize("policy", ["maglev", "round-robin"])
@pytest.mark.parametrize("family, workers", [(4, 1), (4, 2), (6, 2)])
def test_route_sets_lead_both_ways(tmp_path, policy, family, workers):
    host = LOOPBACK[family]
    with SippServers(tmp_path, host, CALLEE) as servers:
        config = configuration([listener(host=host)], [group(servers.addresses, policy=policy)],
                               workers=workers)
        with Daemon(tmp_path, config) as siplbd:
            # Without a pause the BYE may overtake the answer before it, by another worker: sipp
            # takes nothing out of turn.
            with call_through(siplbd, tmp_path, 300, 150, CALLER, d=100) as caller:
                assert caller.wait()["SuccessfulCall"] == 300
            assert sum(servers.wait_for_calls(300)) == 300
            # Every message of a dialog bears the token: nothing is left to guessing.
            assert siplbd.metrics().sum("siplb_seal_rejected_total", what="token") == 0


@pytest.mark.parametrize("caller, callee", [("busy_caller", "busy_callee"),
                                            ("cancelling_caller", "cancelled_callee")])
@pytest.mark.parametrize("policy", ["maglev", "round-robin"])
def test_calls_that_come_to_nothing_end_well(tmp_path, policy, caller, callee):
    """486 and 487, each acknowledged on both hops: sipp misses no ACK and gets none too many."""
    with SippServers(tmp_path, LOOPBACK[4], ("-sf", SCENARIOS / f"{callee}.xml")) as servers:
        config = configuration([listener()], [group(servers.addresses, policy=policy)], workers=2)
        with Daemon(tmp_path, config) as siplbd:
            scenario = ("-sf", SCENARIOS / f"{caller}.xml")
            with call_through(siplbd, tmp_path, 300, 150, scenario) as calls:
                assert calls.wait()["SuccessfulCall"] == 300
            assert sum(servers.wait_for_calls(300)) == 300
            siplbd.wait_metric(300, "siplb_messages_absorbed_total", reason="ack")


def test_calls_in_all_stages_survive_a_kill_under_maglev(tmp_path):
    with SippServers(tmp_path, LOOPBACK[4], CALLEE) as servers:
        config = configuration([listener(port=free_port())], [group(servers.addresses)])
        with Daemon(tmp_path, config) as siplbd:
            with call_through(siplbd, tmp_path, 300, 100, CALLER, d=200) as caller:
                siplbd.wait_metric(100, "siplb_requests_total", method="INVITE")
                siplbd.kill()
                config["global"]["workers"] = 2
                siplbd.start()
                assert caller.wait()["SuccessfulCall"] == 300
            # A sipp whose answer meets the closed port gives its call up and is deaf to the repeat
            # of the INVITE. Then another server gets the call.
            moved = siplbd.metrics().sum("siplb_server_failovers_total")
            assert 300 <= sum(servers.wait_for_calls(300, failed_max=moved)) <= 300 + moved
