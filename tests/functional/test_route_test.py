"""siplbctl route-test: what it says is what happens."""

import pytest

import schema
from pool import Control, admin_of
from siplb import (Daemon, Peer, addresses_of, answer, configuration, group, host_port, listener,
                   new_request, receive_any)

SECRETS = ("slb=", "branch=")


@pytest.fixture(name="pool")
def pool_fixture(tmp_path):
    with Peer() as one, Peer() as two, Peer() as three, Peer() as client:
        config = configuration(
            [listener()],
            [group(addresses_of([one, two])), group(addresses_of([three]), "mail")],
            routes=[{"name": "messages", "match": {"methods": ["MESSAGE"]}, "group": "mail"},
                    {"name": "nothing", "match": {"request_user": "nobody"},
                     "reject": {"code": 410}},
                    {"name": "calls", "group": "pbx"}],
            admin=admin_of(tmp_path))
        with Daemon(tmp_path, config) as siplbd:
            yield siplbd, Control(tmp_path), [one, two, three], client


def test_chooses_the_server_that_gets_the_request(pool):
    siplbd, siplbctl, servers, client = pool
    names = dict(zip(addresses_of(servers), ["pbx/s1", "pbx/s2", "mail/s1"]))
    seen = set()
    for method, number in [("OPTIONS", i) for i in range(8)] + [("MESSAGE", 1)]:
        call_id = f"{method}-{number}"
        told = schema.parse(siplbctl("route-test", "--json", "--method", method, "--header",
                                     f"Call-ID: {call_id}", "--source", host_port(client.address),
                                     socket="read.sock"), "route_test")
        client.send(new_request(client, method, call_id), siplbd.address)
        server, request = receive_any(servers)
        server.send(answer(request, 200), siplbd.address)
        assert client.receive_response().status == 200
        assert told["sent"][0]["server"] == names[server.address]
        assert told["decision"] == "forwarded"
        seen.add(server.address)
    assert seen == set(names)


def test_tells_people_why(pool):
    _, siplbctl, _, client = pool
    siplbctl("set", "server", "pbx/s1", "state", "drain")
    told = siplbctl("route-test", "--source", host_port(client.address))
    print(told)
    assert "messages  no: methods" in told
    assert "nothing   no: request_user" in told
    assert "calls     takes it" in told
    assert "s1, priority 0, weight 100: no: drained" in told
    assert "s2, priority 0, weight 100: takes new work" in told
    assert 'Key       call-id "route-test"' in told
    assert "to pbx/s2 at" in told and "with Record-Route" in told
    assert max(map(len, told.splitlines())) <= 80


def test_tests_a_message_out_of_a_file(pool, tmp_path):
    _, siplbctl, _, client = pool
    request = new_request(client, "INVITE", "file", "sip:nobody@example.com").encode()
    file = tmp_path / "invite.sip"
    for octets in (request, request.replace(b"\r\n", b"\n"), request.rstrip()):
        file.write_bytes(octets)
        told = siplbctl("route-test", "--message", str(file))
        assert "nothing   takes it" in told and "answered with 410" in told


def test_gives_no_seal_away(pool):
    _, siplbctl, *_ = pool
    told = siplbctl("route-test", "--json")
    assert not any(secret in told for secret in SECRETS)


def test_changes_nothing(pool):
    siplbd, siplbctl, *_ = pool
    for _ in range(3):
        siplbctl("route-test")
    assert {server["calls"] for server in siplbctl.servers().values()} == {0}
    metrics = siplbd.metrics()
    assert metrics.sum("siplb_messages_received_total", kind="request") == 0


def test_says_what_is_wrong(pool, tmp_path):
    _, siplbctl, *_ = pool
    assert "no listener other" in siplbctl("route-test", "--listener", "other", code=1)
    assert "transport is udp or tcp" in siplbctl("route-test", "--transport", "sctp", code=1)
    assert "can't read" in siplbctl("route-test", "--message", str(tmp_path / "none"), code=2)
    assert "does not go with" in siplbctl("route-test", "--message", "-", "--uri", "sip:a", code=2)
    assert "can't be read: bad_from_to" in siplbctl("route-test", "--from", "nobody <")
