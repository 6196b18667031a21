"""Taking servers out without losing a call: drain, maint and weight 0, while dialogs go on."""

import pytest

from pool import (Calls, Control, RuledServer, admin_of, events_of, happened, mute,
                  server_of_new_request)
from siplb import (Daemon, Peer, SimulatedServers, addresses_of, answer, configuration, exchange,
                   group, listener, new_request, receive_any, set_up_call, wait_until)

AT_ONCE_S = 0.1  # a tick of a worker on a busy machine
CHANGED = "operator has changed the server's state"


def config_of(folder, addresses, **group_options):
    return configuration(
        [listener()], [group(addresses, policy="round-robin", **group_options)],
        admin=admin_of(folder), global_={"lanes": 1})


def set_s1(siplbd, *setting):
    Control(siplbd.folder)("set", "server", "pbx/s1", *setting)


def calls_at(siplbd, server):
    return siplbd.metrics().sum("siplb_server_calls", server=server)


@pytest.mark.parametrize("policy", ["maglev", "least-calls"])
def test_drained_server_under_load_gets_no_call_and_ends_all(tmp_path, policy):
    with RuledServer() as drained, SimulatedServers(3) as others:
        config = configuration(
            [listener()],
            [group([drained.address, *others.addresses], policy=policy, health={})],
            admin=admin_of(tmp_path), workers=2)
        with Daemon(tmp_path, config) as siplbd, Calls(siplbd, 300, "--hold", "700ms") as calls:
            wait_until(lambda: calls_at(siplbd, "s1") >= 40, "calls at s1")
            set_s1(siplbd, "state", "drain")
            drained_at = happened(siplbd, CHANGED, server="s1", state="drain")
            at_drain = len(drained.calls())
            wait_until(lambda: calls_at(siplbd, "s1") == 0, "the last of its calls has ended")
            assert "drain, no calls remain" in Control(siplbd.folder)("show", "server", "pbx/s1")
            times = drained.calls()
            last_call = max(times.values()) - drained_at
            print(f"{len(times)} calls, {at_drain} at its drain; the last one came "
                  f"{last_call * 1000:.0f} ms after it")
            assert last_call < AT_ONCE_S
            assert {bye["Call-ID"] for _, bye in drained.got("BYE")} == times.keys()

            set_s1(siplbd, "state", "ready")
            wait_until(lambda: len(drained.calls()) > len(times), "calls at s1 again")
            calls.end_well()


# ---- dialogs that go on, step by step ------------------------------------------------------------


@pytest.fixture(name="office")
def office_fixture(tmp_path):
    """siplbd with two servers whom nobody probes, and a call at each of them."""
    with Peer() as client, Peer() as one, Peer() as two:
        servers = [one, two]
        config = config_of(tmp_path, addresses_of(servers))
        with Daemon(tmp_path, config) as siplbd:
            calls = [set_up_call(client, siplbd.address, servers, f"call-{i}") for i in range(2)]
            calls.sort(key=lambda call: servers.index(call.server))
            assert [call.server for call in calls] == servers
            yield siplbd, client, calls


def assert_gets_no_new_work(office):
    siplbd, client, [out, stays] = office
    numbers = iter(range(1000))

    def goes_elsewhere():
        at = server_of_new_request(siplbd, client, [out.server, stays.server],
                                   f"new-{next(numbers)}")
        return at is stays.server
    # Lanes see it at their next tick; two in turn, since it takes turns.
    wait_until(lambda: goes_elsewhere() and goes_elsewhere(), "s1 is out")
    assert all(goes_elsewhere() for _ in range(6))


@pytest.mark.parametrize("setting", [("state", "drain"), ("weight", "0")])
def test_dialogs_of_a_server_without_new_work_go_on(office, setting):
    """From both sides, to their end."""
    siplbd, _, [out, stays] = office
    set_s1(siplbd, *setting)
    assert_gets_no_new_work(office)
    exchange(out.caller, out.callee, [stays.server], "INFO")
    exchange(out.callee, out.caller, [stays.server], "INFO")
    assert calls_at(siplbd, "s1") == 1
    exchange(out.caller, out.callee, [stays.server], "BYE")
    siplbd.settle()
    assert (calls_at(siplbd, "s1"), calls_at(siplbd, "s2")) == (0, 1)


def test_dialogs_of_a_drained_server_go_on_after_a_restart(office):
    siplbd, _, [out, stays] = office
    siplbd.config["listeners"][0]["address"] = "%s:%d" % siplbd.address
    set_s1(siplbd, "state", "drain")
    assert siplbd.end() == 0
    siplbd.start()
    assert_gets_no_new_work(office)
    exchange(out.caller, out.callee, [stays.server], "INFO")
    exchange(out.callee, out.caller, [stays.server], "BYE")


def test_server_in_maintenance_gets_nothing_of_its_dialogs_either(office):
    siplbd, client, [out, stays] = office
    set_s1(siplbd, "state", "maint")
    assert_gets_no_new_work(office)
    out.caller.send("INFO")
    response = client.receive()
    assert (response.status, response.method) == (503, "INFO")
    out.caller.send("ACK")
    exchange(stays.caller, stays.callee, [out.server], "INFO")
    assert not out.server.hears()

    set_s1(siplbd, "state", "ready")

    def goes_on():
        out.caller.send("INFO")
        at, message = receive_any([out.server, client])
        if at is out.server:
            at.send(answer(message, 200, at), siplbd.address)
            message = client.receive()
        return message.status == 200
    wait_until(goes_on, "a dialog at s1 goes on")


def test_drain_is_stronger_than_panic(tmp_path):
    """No server is up, so health is ignored: but not what the operator wants."""
    with RuledServer() as drained, RuledServer(mute) as dead, Peer() as client:
        config = config_of(tmp_path, addresses_of([drained, dead]),
                           health={"fast_interval": "100ms", "timeout": "100ms"})
        with Daemon(tmp_path, config) as siplbd:
            set_s1(siplbd, "state", "drain")
            happened(siplbd, "too few servers are up, health is ignored", group="pbx")
            dead.rule = lambda request: None if request.method == "OPTIONS" else 200
            for number in range(10):
                client.send(new_request(client, "MESSAGE", f"panic-{number}"), siplbd.address)
                assert client.receive_response().status == 200
            assert (len(drained.got("MESSAGE")), len(dead.got("MESSAGE"))) == (0, 10)
            assert not events_of(siplbd, "server down", server="s1")
