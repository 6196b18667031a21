"""Calls stay where they are and stay counted when siplbd is killed (DESIGN 3, 10).

The call tables are memory that the service manager keeps. No policy here would find a call's server
again by itself. "It" is the SIGKILL, and the start of a successor.
"""

import os
from dataclasses import replace

import pytest

from notify import ServiceManager
from pool import Calls, RuledServer
from siplb import (Daemon, addresses_of, answer, configuration, exchange, finish_call, free_port,
                   group, hop_ack, listener, new_request, receive_any, sent_by, set_up_call,
                   uri_address, wait_until)

CALLS = 12
TABLES = "v1-calls"
FILE_OCTETS_MAX = 65536  # more than a key file has, and less than the tables


@pytest.fixture(name="manager")
def make_manager(tmp_path):
    with ServiceManager(tmp_path) as manager:
        yield manager


def counted(siplbd):
    """The calls of each server, by group, name and state."""
    return {(labels["group"], labels["server"], labels["state"]): value
            for labels, value in siplbd.metrics().select("siplb_server_calls")}


def calls_in(counts, state):
    return sum(value for (*_, its_state), value in counts.items() if its_state == state)


def limited(servers):
    """A group with room for few calls, in turn."""
    options = group(addresses_of(servers), policy="round-robin")
    for server in options["servers"]:
        server["max_calls"] = CALLS
    return options


def send_invite(client, siplbd, servers, call_id, cseq=1):
    """(server, INVITE as it came, INVITE as it was sent)"""
    invite = new_request(client, "INVITE", call_id, cseq=cseq)
    client.send(invite, siplbd.address)
    server, arrived = receive_any(servers)
    assert arrived["Call-ID"] == call_id
    return server, arrived, invite


def refuse(client, server, arrived, invite, siplbd):
    server.send(answer(arrived, 401, server, "to-refused"), uri_address(f"sip:{sent_by(arrived)}"))
    refusal = client.receive_response()
    client.send(hop_ack(invite, refusal), siplbd.address)
    assert server.receive().method == "ACK"


def keep_all(_config):
    pass


def more_workers(config):
    config["global"]["workers"] = 5


def fewer_workers(config):
    config["global"]["workers"] = 1


def more_memory(config):
    config["global"]["memory"] = "512MiB"


def less_memory(config):
    config["global"]["memory"] = "64MiB"


def other_order(config):
    config["groups"][0]["servers"].reverse()
    config["groups"].insert(0, group([("127.0.0.1", 9)], name="new"))


@pytest.mark.parametrize("change", [keep_all, more_workers, fewer_workers, more_memory,
                                    less_memory, other_order])
def test_calls_keep_their_servers_and_stay_counted(tmp_path, peers, manager, change):
    servers = peers(3)
    config = configuration([listener(port=free_port())], [limited(servers)], workers=2,
                           routes=[{"name": "all", "group": "pbx"}])
    with Daemon(tmp_path, config, manager=manager) as siplbd:
        lanes = siplbd.wait_event("ready")["lanes"]
        calls = [set_up_call(client, siplbd.address, servers, f"call-{i}")
                 for i, client in enumerate(peers(CALLS))]
        [caller, stranger] = peers(2)
        ringing, rings, _ = send_invite(caller, siplbd, servers, "ringing")
        asked, asks, invite = send_invite(stranger, siplbd, servers, "asked")
        refuse(stranger, asked, asks, invite, siplbd)
        before = counted(siplbd)
        assert (calls_in(before, "active"), calls_in(before, "reserved")) == (CALLS, 1)

        siplbd.kill()
        change(config)
        siplbd.start()
        after = counted(siplbd)
        assert {key: after[key] for key in before} == before
        assert sum(after.values()) == CALLS + 1
        assert siplbd.wait_event("ready")["lanes"] == lanes

        for call in calls:
            without_token = replace(call.caller, routes=[], target="sip:bob@example.com",
                                    first_hop=siplbd.address)
            exchange(without_token, call.callee, servers, "INFO")
        again, arrived, _ = send_invite(stranger, siplbd, servers, "asked", cseq=2)
        assert again is asked
        calls.append(finish_call(stranger, servers, again, arrived))
        calls.append(finish_call(caller, servers, ringing, rings))
        assert calls_in(counted(siplbd), "active") == CALLS + 2
        for call in calls:
            exchange(call.caller, call.callee, servers, "BYE")
        assert not any(counted(siplbd).values())
        assert siplbd.metrics().sum("siplb_affinity_torn_total") == 0
        assert manager.names().count(TABLES) == 1


def test_no_call_is_lost_or_stays_counted_under_load(tmp_path, manager):
    """Each time it happens in the midst of what is being written."""
    with RuledServer() as one, RuledServer() as other:
        config = configuration([listener(port=free_port())], [limited([one, other])])
        for server in config["groups"][0]["servers"]:
            server["max_calls"] = 1000
        with Daemon(tmp_path, config, manager=manager) as siplbd:
            with Calls(siplbd, 50, "--hold", "1s") as load:
                for kills in range(5):
                    siplbd.wait_metric(20, "siplb_server_calls", state="active")
                    siplbd.kill()
                    config["global"]["workers"] = 1 + kills % 3
                    siplbd.start()
                load.end_well()
            wait_until(lambda: not any(counted(siplbd).values()), "no call is counted")


def test_what_is_not_ours_is_not_adopted(tmp_path, peers, manager):
    manager.put(TABLES, os.memfd_create("foreign"))
    servers = peers(1)
    config = configuration([listener()], [limited(servers)])
    with Daemon(tmp_path, config, manager=manager) as siplbd:
        assert siplbd.wait_event("call tables not adopted")["reason"] == "not sealed"
        set_up_call(*peers(1), siplbd.address, servers, "call")
        siplbd.kill()
        siplbd.start()
        siplbd.wait_event("call tables adopted")
        assert calls_in(counted(siplbd), "active") == 1
        assert manager.names().count(TABLES) == 1


class WithShortFiles(Daemon):
    """The system gives it no memory that outlives it."""

    def start(self):
        self.command = ["prlimit", f"--fsize={FILE_OCTETS_MAX}"]
        super().start()


def test_it_serves_where_nothing_can_outlive_it(tmp_path, peers, manager):
    servers = peers(1)
    config = configuration([listener(port=free_port())], [limited(servers)])
    with WithShortFiles(tmp_path, config, manager=manager) as siplbd:
        siplbd.wait_event("call tables end with the process")
        [client] = peers(1)
        call = set_up_call(client, siplbd.address, servers, "call")
        assert calls_in(counted(siplbd), "active") == 1
        assert TABLES not in manager.names()
        siplbd.kill()
        siplbd.start()
        assert not any(counted(siplbd).values())
        exchange(call.caller, call.callee, servers, "BYE")  # its token leads on
