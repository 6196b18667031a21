"""The branch that siplb writes is a function of the transaction: equal, octet for octet, for all of
its messages, whichever process, worker and source port they come by."""

import pytest

from siplb import (Daemon, addresses_of, answer, cancel, configuration, free_port, group, hop_ack,
                   listener, new_request, receive_any, sent_by, uri_address)

SOURCES = 12


def branch_at(servers, sender, message, siplbd):
    """The branch that `message` arrives with, and at which server."""
    sender.send(message, siplbd.address)
    server, arrived = receive_any(servers)
    assert arrived.method == message.method
    return server, arrived.branch


@pytest.mark.parametrize("policy", ["maglev", "round-robin"])
def test_all_messages_of_a_transaction_get_one_branch(tmp_path, peers, policy):
    """Also of siplb's own CANCEL and ACK. What the client sends from another port, or with another
    header, is known by it: while it rings, a repeat goes on to the server."""
    clients, servers = peers(SOURCES), peers(3)
    config = configuration([listener()],
                           [group(addresses_of(servers), policy=policy)],
                           workers=2)
    seen = set()
    with Daemon(tmp_path, config) as siplbd:
        for i, client in enumerate(clients):
            invite = new_request(client, "INVITE", f"branch-{i}")
            client.send(invite, siplbd.address)
            server, arrived = receive_any(servers)
            moved = clients[i - 1]
            server.send(answer(arrived, 180, to_tag="to"), siplbd.address)
            assert client.receive_response().status == 180
            for message in [invite.with_header("Subject", "again"), cancel(invite)]:
                assert branch_at(servers, moved, message, siplbd) == (server, arrived.branch)
            server.send(answer(arrived, 487, to_tag="to"), siplbd.address)
            at, ack = receive_any(servers)
            assert (at, ack.method, ack.branch) == (server, "ACK", arrived.branch)
            assert {client.receive_response().status for _ in range(2)} == {200, 487}
            moved.send(hop_ack(invite, answer(invite, 487, to_tag="to")), siplbd.address)
            seen.add(arrived.branch)
        siplbd.wait_metric(SOURCES, "siplb_messages_absorbed_total", reason="ack")
    assert len(seen) == SOURCES


def test_branch_outlives_processes_and_workers_under_maglev(tmp_path, peers):
    clients, servers = peers(SOURCES), peers(3)
    config = configuration([listener(port=free_port())],
                           [group(addresses_of(servers))], workers=2)
    invites = [new_request(client, "INVITE", f"lasting-{i}") for i, client in enumerate(clients)]
    with Daemon(tmp_path, config) as siplbd:
        before = [branch_at(servers, client, invite, siplbd)
                  for client, invite in zip(clients, invites)]
        for workers, message_of in [
                (1, lambda invite: hop_ack(invite, answer(invite, 486, to_tag="busy"))),
                (2, cancel), (1, lambda invite: invite)]:
            siplbd.kill()
            config["global"]["workers"] = workers
            siplbd.start()
            after = [branch_at(servers, moved, message_of(invite), siplbd)
                     for moved, invite in zip([*clients[1:], clients[0]], invites)]
            assert after == before


def test_another_transaction_gets_another_branch(tmp_path, peers):
    """Each invariant of a transaction counts (RFC 3261, 17.2.3)."""
    client, server = peers(2)
    config = configuration([listener()], [group([server.address])])
    with Daemon(tmp_path, config) as siplbd:
        invite = new_request(client, "INVITE", "one")
        via = invite["Via"]
        others = [
            invite.with_header("Via", via + "x"),
            invite.with_header("Via", via.replace(sent_by(invite), "127.0.0.1:9")),
            invite.with_header("Call-ID", "another"),
            invite.with_header("From", "<sip:alice@example.com>;tag=another"),
            invite.with_header("CSeq", "2 INVITE"),
        ]
        branches = {branch_at([server], client, message, siplbd)[1]
                    for message in [invite, *others]}
    assert len(branches) == 1 + len(others)


def test_answer_with_the_branch_finds_its_way_back(tmp_path, peers):
    """The rest of the Via may be printed anew: parameters in another order, host in other case."""
    client, server = peers(2)
    config = configuration([listener()], [group([server.address])])
    with Daemon(tmp_path, config) as siplbd:
        client.send(new_request(client, "INVITE", "printed-anew"), siplbd.address)
        request = server.receive()
        sent, *params = request["Via"].split(";")
        vias = [";".join([sent, *params[::-1]]), *request.all("Via")[1:]]
        ringing = answer(request, 180, to_tag="x").with_header("Via", *vias)
        server.send(ringing, uri_address(f"sip:{sent_by(request)}"))
        assert client.receive().status == 180
