"""Another configuration while calls go on: what stays, what changes, and that no call is lost.

Each kind of change happens under load. The callers know nothing of it, so every call has to
succeed.
"""

import signal
import socket
import threading
from contextlib import suppress

import pytest

from pool import Calls, Control, admin_of, events_of
from siplb import (Daemon, Peer, SimulatedServers, addresses_of, answer, configuration, exchange,
                   free_port, group, host_port, is_bound, listener, new_request, set_up_call,
                   wait_until, write_config)
from streams import StreamPeer

RATE = 300  # calls a second
FAST = {"interval": "200ms", "timeout": "150ms", "fast_interval": "100ms", "fall": 2, "rise": 1}


def reload(siplbd, config=None, outcome="reloaded"):
    """Has siplbd read its file again, which says `config` from now on, and returns the event."""
    if config is not None:
        write_config(siplbd.file, config)
    def ends():
        return [event for event in list(siplbd.events)
                if event["event"] in ("reloaded", "reload refused")]
    before = len(ends())
    siplbd.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(ends()) > before, "the reload has ended")
    assert ends()[-1]["event"] == outcome, ends()[-1]
    return ends()[-1]


def refuse(siplbd, config):
    """Why siplbd does not go by this configuration."""
    return reload(siplbd, config, "reload refused")["reason"]


def requests_at(siplbd, server):
    return siplbd.metrics().sum("siplb_server_requests_total", server=server)


def wait_served(siplbd, server, more=20):
    """So many more requests have gone to the server."""
    has = requests_at(siplbd, server)
    wait_until(lambda: requests_at(siplbd, server) >= has + more, f"requests at {server}")


class Running:
    """siplbd with two workers and servers s1, s2 … of which `used` are configured, under load."""

    def __init__(self, siplbd, addresses, calls):
        self.siplbd = siplbd
        self.addresses = addresses
        self.calls = calls

    def config(self, servers=None, **more):
        """The first one with other servers, by position, and other parts."""
        config = dict(self.siplbd.config)
        if servers is not None:
            config["groups"] = [group_of(self.addresses, servers)]
        return {**config, **more}

    def reload(self, *arguments, **more):
        return reload(self.siplbd, self.config(*arguments, **more))["changes"].split("\n")


def group_of(addresses, servers, name="pbx", **more):
    """A group with the servers of these positions, from 1 on, by their names."""
    whole = group(addresses, name, health=FAST, policy="round-robin", **more)
    return {**whole, "servers": [whole["servers"][i - 1] for i in servers]}


@pytest.fixture(name="running")
def running_fixture(tmp_path, monkeypatch):
    # What a sanitizer keeps of freed memory would look like a leak.
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=1")
    with SimulatedServers(4) as servers:
        config = configuration([listener()], [group_of(servers.addresses, [1, 2])], workers=2,
                               admin=admin_of(tmp_path))
        with Daemon(tmp_path, config) as siplbd, Calls(siplbd, RATE, "--hold", "300ms") as calls:
            wait_served(siplbd, "s1")
            yield Running(siplbd, servers.addresses, calls)
            calls.end_well()
            metrics = siplbd.metrics()
            assert metrics.sum("siplb_call_count_errors_total") == 0
            assert metrics.sum("siplb_worker_heap_allocations_total") == 0


# ---- each kind of change, under load -------------------------------------------------------------


def test_nothing_changes_where_the_file_is_the_same(running):
    up_since = running.siplbd.metrics().sum("siplb_up_seconds")
    assert running.reload() == ["nothing has changed"]
    metrics = running.siplbd.metrics()
    assert metrics.sum("siplb_up_seconds") >= up_since
    assert metrics.sum("siplb_reloads_total", result="done") == 1
    assert metrics.sum("siplb_config_stale") == 0


def test_a_server_that_is_added_gets_calls(running):
    assert running.reload([1, 2, 3]) == ["servers added: pbx/s3"]
    wait_served(running.siplbd, "s3")
    wait_served(running.siplbd, "s1")


def test_a_server_that_is_removed_gets_none_and_its_calls_end(running):
    assert running.reload([1]) == ["servers removed: pbx/s2"]
    assert not running.siplbd.metrics().select("siplb_server_requests_total", server="s2")
    wait_served(running.siplbd, "s1")


def test_a_server_that_returns_is_the_one_that_it_was(running):
    before = requests_at(running.siplbd, "s2")
    running.reload([1])
    running.reload([1, 2])
    assert requests_at(running.siplbd, "s2") >= before > 0
    wait_served(running.siplbd, "s2")


def test_a_server_at_another_address_gets_its_calls_there(running):
    moved = group_of(running.addresses, [1, 2])
    moved["servers"][1]["uri"] = f"sip:{host_port(running.addresses[3])}"
    assert running.reload(groups=[moved]) == ["servers changed: pbx/s2"]
    wait_served(running.siplbd, "s2")


def test_weights_change(running):
    lighter = group_of(running.addresses, [1, 2])
    lighter["servers"][0]["weight"] = 0
    assert running.reload(groups=[lighter]) == ["servers changed: pbx/s1"]
    before = requests_at(running.siplbd, "s1")
    wait_served(running.siplbd, "s2", more=60)
    # BYEs of calls that it had, and no more than their INVITEs that were on the way.
    assert requests_at(running.siplbd, "s1") - before <= 0.3 * RATE + 20


def test_servers_that_stay_keep_all_that_is_known_of_them(running):
    siplbd = running.siplbd
    wait_until(lambda: siplbd.metrics().sum("siplb_server_calls", server="s1", state="active") > 10,
               "calls at s1")
    probes = siplbd.metrics().sum("siplb_probes_total", server="s1")
    transitions = len(events_of(siplbd, "server is up", server="s1"))
    running.reload([2, 1, 3])
    metrics = siplbd.metrics()
    assert metrics.sum("siplb_server_calls", server="s1", state="active") > 10
    assert metrics.sum("siplb_probes_total", server="s1") >= probes
    assert len(events_of(siplbd, "server is up", server="s1")) == transitions


def test_a_group_and_a_route_that_are_added_get_what_is_theirs(running):
    groups = [group_of(running.addresses, [1, 2]), group_of(running.addresses, [3], "other")]
    routes = [{"name": "to-other", "match": {"methods": ["INVITE"]}, "group": "other"},
              {"name": "rest", "group": "pbx"}]
    assert running.reload(groups=groups, routes=routes) == [
        "groups added: other", "servers added: other/s3", "routes changed"]
    wait_served(running.siplbd, "s3")

    assert running.reload([1, 2], routes=[{"name": "rest", "group": "pbx"}]) == [
        "groups removed: other", "servers removed: other/s3", "routes changed"]
    wait_served(running.siplbd, "s1")


def test_a_group_changes_its_policy(running):
    by_hash = {**group_of(running.addresses, [1, 2]), "policy": "maglev"}
    assert running.reload(groups=[by_hash]) == ["groups changed: pbx"]
    wait_served(running.siplbd, "s1")


def test_other_probes_begin_anew(running):
    slower = group_of(running.addresses, [1, 2])
    slower["health"] = {**FAST, "interval": "300ms"}
    assert running.reload(groups=[slower]) == [
        "groups changed: pbx", "servers changed: pbx/s1, pbx/s2"]
    wait_until(lambda: running.siplbd.metrics().sum(
        "siplb_server_state", server="s1", state="up") == 1, "s1 is up")


def test_a_listener_comes_serves_and_goes_and_frees_its_port(running):
    siplbd = running.siplbd
    port = free_port()
    more = [listener(), listener("more", port=port, transports=["udp"])]
    assert running.reload(listeners=more) == ["listeners added: more"]
    with Peer() as client:
        client.send(new_request(client, "OPTIONS", "by-more", f"sip:127.0.0.1:{port}"),
                    ("127.0.0.1", port))
        assert client.receive().status == 200
        assert client.heard_from == {("127.0.0.1", port)}
    assert siplbd.metrics().sum("siplb_steering_attached", listener="more") == 1

    assert running.reload(listeners=[listener()]) == ["listeners removed: more"]
    assert not is_bound("127.0.0.1", port)
    assert not siplbd.metrics().select("siplb_steering_attached", listener="more")
    with Peer(port=port) as somebody_else:
        assert somebody_else.address[1] == port
    assert running.reload(listeners=more) == ["listeners added: more"]


def test_what_a_listener_advertises_changes(running):
    named = listener(advertise=host_port(running.siplbd.address))
    assert running.reload(listeners=[named]) == ["listeners changed: main"]
    wait_served(running.siplbd, "s1")


def test_names_and_log_level_change(running):
    siplbd = running.siplbd
    with Peer() as client:
        request = new_request(client, "OPTIONS", "to-name", "sip:sip.example.com")
        global_ = {**siplbd.config["global"], "names": ["sip.example.com"],
                   "log": {"format": "json", "level": "warning"}}
        write_config(siplbd.file, running.config(**{"global": global_}))
        siplbd.process.send_signal(signal.SIGHUP)
        siplbd.wait_metric(1, "siplb_reloads_total", result="done")
        client.send(request, siplbd.address)
        assert client.receive().status == 200
    # That it was reloaded is no warning.
    lines = len(siplbd.events)
    siplbd.process.send_signal(signal.SIGHUP)
    siplbd.wait_metric(2, "siplb_reloads_total", result="done")
    assert len(siplbd.events) == lines


# ---- what is refused -----------------------------------------------------------------------------


def test_a_bad_file_changes_nothing_and_every_fault_is_told(running):
    siplbd = running.siplbd
    bad = running.config([1, 2, 3])
    bad["groups"][0]["policy"] = "best"
    bad["listeners"] = [listener(adress="x")]
    reason = refuse(siplbd, bad)
    assert "policy" in reason and "adress" in reason and reason.count("\n") >= 1
    metrics = siplbd.metrics()
    assert not metrics.select("siplb_server_requests_total", server="s3")
    assert metrics.sum("siplb_config_stale") == 1
    assert metrics.sum("siplb_reloads_total", result="refused") == 1
    wait_served(siplbd, "s2")
    running.reload([1, 2, 3])
    assert siplbd.metrics().sum("siplb_config_stale") == 0


def test_what_needs_a_restart_is_named(running):
    siplbd = running.siplbd
    global_ = {**siplbd.config["global"], "workers": 1, "lanes": 2}
    reason = refuse(siplbd, running.config([1], **{"global": global_},
                                           timers={"t1": "200ms"}, limits={"calls": 4096}))
    for key in ("global.workers", "global.lanes", "limits.calls", "limits.socket_receive",
                "timers.t1"):
        assert key in reason
    tcp = listener(transports=["udp", "tcp"])
    assert "first listener with tcp" in refuse(siplbd, running.config(listeners=[tcp]))
    wait_served(siplbd, "s2")


def test_a_listener_that_cannot_be_opened_undoes_all(running):
    siplbd = running.siplbd
    free = free_port()
    with Peer() as other:
        config = running.config([1, 2, 3], listeners=[
            listener(), listener("free", port=free), listener("taken", port=other.address[1])])
        assert "taken" in refuse(siplbd, config)
    assert not is_bound("127.0.0.1", free)
    assert not siplbd.metrics().select("siplb_server_requests_total", server="s3")
    assert reload(siplbd)["changes"] == "listeners added: free, taken\nservers added: pbx/s3"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_listener_whose_reload_is_refused_takes_nothing(tmp_path, transport):
    """It is bound already, but no worker knows it: what waits there goes with it."""
    port = free_port()
    known, more = [listener(name, port=number, transports=["udp", "tcp"])
                   for name, number in (("main", 0), ("more", port))]
    with Peer() as one, Peer() as client:
        config = configuration([known], [group([one.address])], admin=admin_of(tmp_path))
        with Daemon(tmp_path, config) as siplbd:
            Control(tmp_path)("set", "server", "pbx/s1", "weight", "50")
            (tmp_path / "state").unlink()
            (tmp_path / "state").mkdir()  # what is set can't be forgotten
            write_config(siplbd.file, {**config, "listeners": [known, more]})
            octets = new_request(client, "OPTIONS", "early", f"sip:127.0.0.1:{port}").encode()
            refused = threading.Event()

            def knock():
                while not refused.is_set():
                    if transport == "udp":
                        client.send(octets, ("127.0.0.1", port))
                        continue
                    with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as stream:
                        stream.sendall(octets)
            knocking = threading.Thread(target=knock)
            knocking.start()
            for _ in range(10):
                Control(tmp_path)("reload", "--state", "reset", code=1)
            refused.set()
            knocking.join()
            assert not client.hears()
            assert not is_bound("127.0.0.1", port)
            (tmp_path / "state").rmdir()
            assert "listeners added: more" in Control(tmp_path)("reload", "--state", "reset")


def test_servers_beyond_their_places_are_refused(tmp_path):
    with Peer() as one:
        def config(count):
            return configuration([listener()], [group([one.address] + [
                ("127.0.0.1", 10000 + i) for i in range(count - 1)])], limits={"servers": 4})
        with Daemon(tmp_path, config(2)) as siplbd:
            reload(siplbd, config(4))
            reload(siplbd, config(2))
            others = config(2)
            others["groups"][0]["servers"] += [
                {"name": f"t{i}", "uri": f"sip:127.0.0.1:{11000 + i}"} for i in range(1)]
            reason = refuse(siplbd, others)
            assert "limits.servers" in reason and "limits.call_expiry" in reason
            assert "fewer than the 5 servers" in refuse(siplbd, config(5))


# ---- dialogs, connections, operators -------------------------------------------------------------


def test_the_dialog_of_a_server_that_has_left_goes_on(tmp_path):
    with Peer() as client, Peer() as leaves, Peer() as stays:
        servers = [leaves, stays]
        both = configuration([listener()], [group(addresses_of(servers), policy="round-robin")])
        with Daemon(tmp_path, both) as siplbd:
            calls = [set_up_call(client, siplbd.address, servers, f"call-{i}") for i in range(2)]
            out, in_ = sorted(calls, key=lambda call: servers.index(call.server))
            one = {**both, "groups": [{**both["groups"][0],
                                       "servers": both["groups"][0]["servers"][1:]}]}
            reload(siplbd, one)
            for call in (out, in_):
                for method in ("INFO", "BYE"):
                    exchange(call.caller, call.callee, servers, method)


def test_calls_that_ring_while_all_changes_are_answered(tmp_path):
    """What a request has begun ends, though its group, its server and its route have left."""
    with Peer() as client, Peer() as old, Peer() as new:
        before = configuration([listener()], [group([old.address], "old")])
        after = {**before, "groups": [group([new.address], "new")]}
        with Daemon(tmp_path, before) as siplbd:
            client.send(new_request(client, "INVITE", "rings"), siplbd.address)
            invite = old.receive()
            old.send(answer(invite, 180, old, "ringing"), siplbd.address)
            assert client.receive_response().status == 180
            reload(siplbd, after)
            old.send(answer(invite, 200, old, "ringing"), siplbd.address)
            assert client.receive_response().status == 200
            client.send(new_request(client, "MESSAGE", "next"), siplbd.address)
            request = new.receive()
            new.send(answer(request, 200), siplbd.address)
            assert client.receive_response().status == 200


def test_a_listener_that_moves_is_known_by_its_name(tmp_path):
    """Requests within dialogs of the old address reach clients by the new one."""
    with Peer() as client, Peer() as server:
        inside = listener("inside", role="servers")
        first = configuration([listener("public", role="clients"), inside],
                              [group([server.address])])
        with Daemon(tmp_path, first) as siplbd:
            old = siplbd.addresses["public"]
            call = set_up_call(client, old, [server], "moves")
            port = free_port()
            moved = [listener("public", port=port, role="clients"), inside]
            assert reload(siplbd, {**first, "listeners": moved})["changes"] == (
                "listeners changed: public")
            wait_until(lambda: not is_bound(*old), "the old port is free")
            client.heard_from.clear()
            exchange(call.callee, call.caller, [], "INFO")
            assert client.heard_from == {("127.0.0.1", port)}


def test_connections_outlive_their_listener(tmp_path):
    with Peer() as server:
        config = configuration(
            [listener(transports=["udp", "tcp"]), listener("more", transports=["tcp"])],
            [group([server.address])])
        with Daemon(tmp_path, config) as siplbd, \
                StreamPeer(siplbd.addresses["more"]) as client:
            call = set_up_call(client, siplbd.addresses["more"], [server], "stays")
            reload(siplbd, {**config, "listeners": config["listeners"][:1]})
            assert not is_bound(*siplbd.addresses["more"], "tcp")
            exchange(call.caller, call.callee, [], "INFO")
            exchange(call.callee, call.caller, [], "INFO")
            exchange(call.caller, call.callee, [], "BYE")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(siplbd.addresses["more"])


def test_a_listener_gets_and_loses_a_transport_at_its_port(tmp_path):
    with Peer() as server, Peer() as client:
        config = configuration([listener(), listener("other", transports=["tcp"])],
                               [group([server.address])])
        both = {**config, "listeners": [listener(transports=["udp", "tcp"]),
                                        config["listeners"][1]]}
        with Daemon(tmp_path, config) as siplbd:
            address = siplbd.address
            call = set_up_call(client, address, [server], "stays")
            reload(siplbd, both)
            with StreamPeer(address) as stream:
                exchange(set_up_call(stream, address, [server], "new").caller,
                         call.callee, [], "INFO")
            exchange(call.caller, call.callee, [], "INFO")
            reload(siplbd, config)
            assert not is_bound(*address, "tcp")
            exchange(call.caller, call.callee, [], "BYE")


def test_what_operators_have_set_stays_until_it_is_reset(tmp_path):
    with Peer() as one, Peer() as two:
        config = configuration([listener()], [group(addresses_of([one, two]))],
                               admin=admin_of(tmp_path))
        with Daemon(tmp_path, config) as siplbd:
            control = Control(tmp_path)
            control("set", "server", "pbx/s1", "state", "drain")
            reload(siplbd)
            assert control.servers()["s1"]["state"] == "drain"
            control("reload", "--state", "reset")
            assert control.servers()["s1"]["state"] == "ready"


def test_an_operator_is_told_what_has_changed_or_why_nothing_has(tmp_path):
    with Peer() as one, Peer() as two:
        config = configuration([listener()], [group([one.address])], admin=admin_of(tmp_path))
        with Daemon(tmp_path, config) as siplbd:
            control = Control(tmp_path)
            write_config(siplbd.file, {**config, "groups": [group(addresses_of([one, two]))]})
            assert "servers added: pbx/s2" in control("reload")
            siplbd.file.write_text("groups: [")
            assert "siplb.yaml:1:" in control("reload", code=1)


# ---- often, and at once --------------------------------------------------------------------------


def resident_kib(siplbd):
    with open(f"/proc/{siplbd.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_a_hundred_reloads_under_load_lose_no_call_and_take_no_memory(running):
    siplbd = running.siplbd
    port = free_port()
    rounds = [
        {"servers": [1, 2, 3]},
        {"servers": [2], "listeners": [listener(), listener("more", port=port)]},
        {"groups": [group_of(running.addresses, [1, 2]),
                    group_of(running.addresses, [3, 4], "other")],
         "routes": [{"name": "odd", "match": {"request_user": "~^[13579]"}, "group": "other"},
                    {"name": "rest", "group": "pbx"}]},
        {"servers": [1, 2]},
    ]
    resident = []
    for count in range(100):
        reload(siplbd, running.config(**rounds[count % len(rounds)]))
        if count % 20 == 19:
            resident.append(resident_kib(siplbd))
    print(f"resident after each 20 reloads: {resident} KiB")
    # The first ones touch what later ones use again.
    assert resident[-1] - resident[1] < 4096
    assert siplbd.metrics().sum("siplb_reloads_total", result="done") == 100
    assert not is_bound("127.0.0.1", port)
    wait_served(siplbd, "s1")


def test_reloads_at_the_same_time_are_done_one_by_one(running):
    control = Control(running.siplbd.folder)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(control("reload")))
               for _ in range(8)]
    write_config(running.siplbd.file, running.config([1, 2, 3]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("servers added: pbx/s3" in answer for answer in answers) == 1
    assert sum("nothing has changed" in answer for answer in answers) == 7
