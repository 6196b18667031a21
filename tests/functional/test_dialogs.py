"""Requests within a dialog reach its other end: both policies, both directions, and a new siplbd.

Each call is set up through one siplbd; that one is then killed, so that nothing but the messages
themselves can tell the next one where the calls live.
"""

import pytest

from siplb import (Daemon, Dialog, addresses_of, answer, cancel, configuration, exchange,
                   finish_call, free_port, group, listener, new_request, receive_any, sent_by,
                   set_up_call, uri_address)

CALLS = 24


def reply(server, request, status, to_tag=None):
    server.send(answer(request, status, server, to_tag), uri_address(f"sip:{sent_by(request)}"))


def assert_both_directions(call, servers):
    others = [server for server in servers if server is not call.server]
    exchange(call.caller, call.callee, others, "INFO")
    exchange(call.callee, call.caller, others, "INFO")
    exchange(call.callee, call.caller, others, "UPDATE")


# What the file says when siplbd is started again.
def as_before(config, spare):
    pass


def more_workers(config, spare):
    config["global"]["workers"] = 3


def another_server(config, spare):
    servers = config["groups"][0]["servers"]
    config["groups"][0] = group([uri_address(server["uri"]) for server in servers] + [spare],
                                policy=config["groups"][0]["policy"])


def first_server_removed(config, spare):
    del config["groups"][0]["servers"][0]


@pytest.mark.parametrize("change", [as_before, more_workers, another_server, first_server_removed])
@pytest.mark.parametrize("policy", ["maglev", "round-robin"])
def test_dialogs_survive_a_kill(tmp_path, peers, policy, change):
    clients, servers, [spare] = peers(4), peers(3), peers(1)
    config = configuration([listener(port=free_port())],
                           [group(addresses_of(servers), policy=policy)], workers=2)
    with Daemon(tmp_path, config) as siplbd:
        calls = [set_up_call(clients[i % 4], siplbd.address, servers, f"call-{i}")
                 for i in range(CALLS)]
        assert {call.server for call in calls} == set(servers)
        for call in calls:
            assert_both_directions(call, servers)
        siplbd.kill()
        change(config, spare.address)
        siplbd.start()
        for call in calls:
            assert_both_directions(call, [*servers, spare])
        for i, call in enumerate(calls):
            hanging_up, other = [(call.caller, call.callee), (call.callee, call.caller)][i % 2]
            exchange(hanging_up, other, [*servers, spare], "BYE")
        assert siplbd.metrics().sum("siplb_seal_rejected_total") == 0


def two_sides():
    return [listener("outside", port=free_port(), role="clients"),
            listener("inside", port=free_port(), role="servers")]


def one_side():
    return [listener("both", port=free_port())]


@pytest.mark.parametrize("listeners", [two_sides, one_side])
def test_calls_from_a_server_to_another_group_survive_a_kill(tmp_path, peers, listeners):
    pbxes, carriers = peers(2), peers(2)
    config = configuration(
        listeners(),
        [group(addresses_of(pbxes), "pbx"), group(addresses_of(carriers), "carriers",
                                                  policy="round-robin")],
        workers=2,
        routes=[{"name": "outbound", "match": {"from_group": "pbx"}, "group": "carriers"},
                {"name": "default", "group": "pbx"}])
    with Daemon(tmp_path, config) as siplbd:
        servers_side = siplbd.addresses[config["listeners"][-1]["name"]]
        calls = [set_up_call(pbxes[i % 2], servers_side, carriers, f"out-{i}") for i in range(8)]
        for call in calls:
            assert_both_directions(call, carriers + pbxes)
        siplbd.kill()
        config["global"]["workers"] = 1
        siplbd.start()
        for i, call in enumerate(calls):
            assert_both_directions(call, carriers + pbxes)
            hanging_up, other = [(call.caller, call.callee), (call.callee, call.caller)][i % 2]
            exchange(hanging_up, other, carriers, "BYE")


@pytest.mark.parametrize("change", [as_before, more_workers, another_server])
def test_calls_being_set_up_survive_a_kill_under_maglev(tmp_path, peers, change):
    [client], servers, [spare] = peers(1), peers(3), peers(1)
    config = configuration([listener(port=free_port())],
                           [group(addresses_of(servers), policy="maglev")])
    with Daemon(tmp_path, config) as siplbd:
        invites = [new_request(client, "INVITE", f"early-{i}") for i in range(CALLS)]
        arrived = []
        for invite in invites:
            client.send(invite, siplbd.address)
            arrived.append(receive_any(servers))
        siplbd.kill()
        change(config, spare.address)
        siplbd.start()
        for i, (invite, (server, at_server)) in enumerate(zip(invites, arrived)):
            reply(server, at_server, 180, f"to-{server.address[1]}")
            assert client.receive().status == 180
            if i % 3 == 0:  # repeated: the answer has told siplb where the call is
                client.send(invite, siplbd.address)
                at, repeated = receive_any([*servers, spare])
                assert (at, repeated.branch) == (server, at_server.branch)
            if i % 3 == 1:
                client.send(cancel(invite), siplbd.address)
                at, cancelled = receive_any([*servers, spare])
                assert (at, cancelled.branch) == (server, at_server.branch)
                reply(server, cancelled, 200)
                assert client.receive().status == 200
            else:
                call = finish_call(client, [*servers, spare], server, at_server)
                exchange(call.callee, call.caller, servers, "BYE")


def test_a_caller_may_move_to_another_port(tmp_path, peers):
    [client, moved], servers = peers(2), peers(2)
    config = configuration([listener()], [group(addresses_of(servers))], workers=2)
    with Daemon(tmp_path, config) as siplbd:
        for i in range(8):
            call = set_up_call(client, siplbd.address, servers, f"moving-{i}")
            call.caller.peer = moved
            exchange(call.caller, call.callee, servers, "BYE")


def test_dialogs_without_a_route_set_follow_their_call(tmp_path, peers):
    """A client that ignores Record-Route, as sipp's built-in one, under round-robin."""
    [client], servers = peers(1), peers(3)
    config = configuration([listener()], [group(addresses_of(servers), policy="round-robin")])
    with Daemon(tmp_path, config) as siplbd:
        for i in range(9):
            call = set_up_call(client, siplbd.address, servers, f"tokenless-{i}")
            bare = Dialog(client, call.caller.call_id, call.caller.local, call.caller.remote,
                          "sip:bob@example.com", [], first_hop=siplbd.address)
            exchange(bare, call.callee, servers, "BYE")
