"""SIGKILL in the middle of a transaction, and a new siplbd on the same ports (SIP.md, 3 to 5).

Nothing of a transaction is kept: what is still to come finds its way by seals, tokens and the hash.
"It" is the SIGKILL with the restart.
"""

import pytest

from siplb import (Daemon, Dialog, addresses_of, answer, cancel, configuration, exchange,
                   finish_call, free_port, group, hop_ack, listener, new_request, receive_any,
                   sent_by, set_up_call, uri_address)

CALLS = 8


class Leg:
    """A call that is being set up: as its client sent it, and as its server got it."""

    def __init__(self, siplbd, client, servers, call_id):
        self.siplbd, self.client, self.servers = siplbd, client, servers
        self.invite = new_request(client, "INVITE", call_id)
        client.send(self.invite, siplbd.address)
        self.server, self.arrived = receive_any(servers)

    def client_sends(self, message):
        """It has to come to the call's server, under the branch of the INVITE."""
        self.client.send(message, self.siplbd.address)
        return self.server_gets(message.method)

    def server_gets(self, method):
        at, request = receive_any(self.servers)
        assert (at, request.method, request.branch) == (self.server, method, self.arrived.branch)
        return request

    def server_answers(self, request, status):
        self.server.send(answer(request, status, self.server, f"to-{self.server.address[1]}"),
                         uri_address(f"sip:{sent_by(request)}"))

    def client_hears(self, status, method="INVITE"):
        response = self.client.receive_response()
        assert (response.status, response.method) == (status, method)
        return response

    def server_rings(self):
        self.server_answers(self.arrived, 180)
        self.client_hears(180)

    def server_is_busy(self):
        """An INVITE that siplb has state of: the hop to the server ends with its own ACK."""
        self.server_answers(self.arrived, 486)
        self.server_gets("ACK")
        return self.client_hears(486)

    def set_up_and_end(self):
        call = finish_call(self.client, self.servers, self.server, self.arrived)
        exchange(call.callee, call.caller, self.servers, "BYE")


@pytest.fixture
def fresh(tmp_path, peers):
    """A siplbd under maglev, calls that have reached their servers, and its SIGKILL and restart."""
    servers = peers(3)
    config = configuration([listener(port=free_port())], [group(addresses_of(servers))])
    with Daemon(tmp_path, config) as siplbd:
        legs = [Leg(siplbd, client, servers, f"leg-{i}") for i, client in enumerate(peers(CALLS))]
        assert {leg.server for leg in legs} == set(servers)

        def restart():
            siplbd.kill()
            config["global"]["workers"] = 2
            siplbd.start()
        yield legs, restart
        [caller] = peers(1)
        set_up_call(caller, siplbd.address, servers, "as-any-other")


def test_answers_after_it_find_their_way(fresh):
    legs, restart = fresh
    restart()
    for leg in legs:
        leg.server_rings()
        leg.set_up_and_end()


def test_refusals_after_it_and_their_acks_find_their_way(fresh):
    """siplbd knows nothing of the INVITE: it leaves the ACK to the client."""
    legs, restart = fresh
    restart()
    for leg in legs:
        leg.server_answers(leg.arrived, 486)
        busy = leg.client_hears(486)
        leg.client_sends(hop_ack(leg.invite, busy))


def test_repeated_invite_comes_to_the_server_that_has_it(fresh):
    legs, restart = fresh
    restart()
    for leg in legs:
        leg.client_sends(leg.invite)
        leg.server_rings()
        leg.set_up_and_end()


def test_ringing_call_can_be_cancelled_after_it(fresh):
    legs, restart = fresh
    for leg in legs:
        leg.server_rings()
    restart()
    for leg in legs:
        cancelled = leg.client_sends(cancel(leg.invite))
        leg.server_answers(cancelled, 200)
        leg.client_hears(200, "CANCEL")
        leg.server_answers(leg.arrived, 487)
        ended = leg.client_hears(487)
        leg.client_sends(hop_ack(leg.invite, ended))


def test_answer_that_crosses_a_cancel_after_it_sets_up_the_call(fresh):
    legs, restart = fresh
    for leg in legs:
        leg.server_rings()
    restart()
    for leg in legs:
        cancelled = leg.client_sends(cancel(leg.invite))
        leg.server_answers(cancelled, 200)
        leg.client_hears(200, "CANCEL")
        leg.set_up_and_end()


def test_ack_of_a_refusal_before_it_harms_nobody(fresh):
    legs, restart = fresh
    refusals = [leg.server_is_busy() for leg in legs]
    restart()
    for leg, busy in zip(legs, refusals):
        leg.client_sends(hop_ack(leg.invite, busy))
        assert not leg.client.hears()


def test_refusal_that_the_client_missed_is_told_again(fresh):
    """The client repeats its INVITE, the server its refusal."""
    legs, restart = fresh
    for leg in legs:
        leg.server_is_busy()
    restart()
    for leg in legs:
        leg.client_sends(leg.invite)
        busy = leg.server_is_busy()
        leg.client.send(hop_ack(leg.invite, busy), leg.siplbd.address)
    legs[0].siplbd.wait_metric(CALLS, "siplb_messages_absorbed_total", reason="ack")


def test_ack_of_an_answer_before_it_reaches_the_server(fresh):
    legs, restart = fresh
    answers = []
    for leg in legs:
        leg.server_answers(leg.arrived, 200)
        answers.append(leg.client_hears(200))
    restart()
    for leg, response in zip(legs, answers):
        leg.server_answers(leg.arrived, 200)  # again, for want of the ACK
        assert leg.client_hears(200)["To"] == response["To"]
        caller = Dialog.of_caller(leg.client, response)
        caller.send("ACK", cseq=1)
        at, ack = receive_any(leg.servers)
        assert (at, ack.method, ack["Call-ID"]) == (leg.server, "ACK", caller.call_id)
        exchange(caller, Dialog.of_callee(leg.server, leg.arrived, f"to-{leg.server.address[1]}"),
                 leg.servers, "BYE")
