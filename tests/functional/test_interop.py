"""Kamailio as siplb's client, as its servers, and as both: calls, refusals, CANCEL, registration.

The servers are registrars, each with a memory and a nonce of its own, so that a request that does
not come to its server is seen.
"""

import hashlib
import os
import re
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from siplb import (DEADLINE_S, LOOPBACK, ROOT, SCENARIOS, Daemon, Dialog, Peer, Sipp, answer,
                   cancel, configuration, exchange, free_port, group, hop_ack, host_port, is_bound,
                   listener, new_request, sent_by, sipp_server, uri_address, wait_until)

CONFIGURATIONS = Path(__file__).resolve().parent / "kamailio"
USER = "sip:bob@example.com"
PASSWORD = "secret"


def find_kamailio():
    """(program, its libraries): installed, or where tools/set-up unpacks it."""
    for program in [shutil.which("kamailio", path=f"{os.environ['PATH']}:/usr/sbin"),
                    ROOT / "build/tools/sbin/kamailio"]:
        if program and Path(program).exists():
            return program, next((Path(program).parents[1] / "lib").glob("*/kamailio"))
    return None


pytestmark = pytest.mark.skipif(not find_kamailio(), reason="kamailio is not installed")


class Kamailio:
    """One on a free port, with `name`.cfg. It has a session of its own: at its end it signals its
    process group."""

    def __init__(self, folder, name, next_hop="nobody"):
        self.address = (LOOPBACK[4], free_port())
        run_folder = folder / f"{name}-{self.address[1]}"
        run_folder.mkdir()
        program, libraries = find_kamailio()
        with (run_folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [program, "-DD", "-E", "-f", CONFIGURATIONS / f"{name}.cfg",
                 "-l", f"udp:{host_port(self.address)}", "-A", f'NEXT_HOP="sip:{next_hop}"',
                 "-L", libraries / "modules", "-Y", run_folder, "-m", "16", "-M", "4"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
        wait_until(lambda: is_bound(*self.address) or self.process.poll() is not None,
                   "kamailio listens")
        assert self.process.poll() is None, (run_folder / "log").read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(DEADLINE_S)


def digest(challenge, method, uri):
    """The value of Authorization (RFC 2617)."""
    def md5(*parts):
        return hashlib.md5(":".join(parts).encode()).hexdigest()
    realm, nonce = (re.search(rf'{name}="([^"]+)"', challenge)[1] for name in ("realm", "nonce"))
    response = md5(md5("bob", realm, PASSWORD), nonce, md5(method, uri))
    return (f'Digest username="bob", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}"')


def register(siplbd, peer, user, contact, call_id):
    """Refused once, for want of a digest; the second try has to come to the same server."""
    def attempt(cseq):
        request = new_request(peer, "REGISTER", call_id, "sip:example.com", cseq)
        return request.with_header("To", f"<{user}>").with_header("Contact", f"<{contact}>")
    peer.send(attempt(1), siplbd.address)
    challenged = peer.receive()
    assert challenged.status == 401
    authorization = digest(challenged["WWW-Authenticate"], "REGISTER", "sip:example.com")
    peer.send(attempt(2).with_header("Authorization", authorization), siplbd.address)
    registered = peer.receive()
    assert (registered.status, registered["CSeq"]) == (200, "2 REGISTER")
    assert contact in registered["Contact"]


@dataclass
class Chain:
    """A caller and a callee with siplbd between them, and what else is."""
    siplbd: Daemon
    first_hop: tuple
    caller: Peer
    callee: Peer

    def send(self, message):
        self.caller.send(message, self.first_hop)
        return message

    def callee_answers(self, request, status):
        self.callee.send(answer(request, status, self.callee, "callee"),
                         uri_address(f"sip:{sent_by(request)}"))

    def callee_gets(self, method):
        request = self.callee.receive()
        assert request.method == method
        return request

    def caller_hears(self, status, method="INVITE"):
        response = self.caller.receive_response()
        assert (response.status, response.method) == (status, method)
        return response

    def ring(self):
        """The INVITE as the caller sent it, and as the callee got it."""
        invite = self.send(new_request(self.caller, "INVITE", "call", USER))
        arrived = self.callee_gets("INVITE")
        self.callee_answers(arrived, 180)
        self.caller_hears(180)
        return invite, arrived


def start(stack, folder, layout):
    """What `layout` names, around siplbd: kamailio as its client, as its servers, or both."""
    caller, callee = (stack.enter_context(Peer()) for _ in range(2))
    servers = [callee]
    if "servers" in layout:
        servers = [stack.enter_context(Kamailio(folder, "server")) for _ in range(2)]
    config = configuration(
        [listener()],
        [group([server.address for server in servers], hash_key="to-user")], workers=2)
    siplbd = stack.enter_context(Daemon(folder, config))
    first_hop = siplbd.address
    if "client" in layout:
        client = Kamailio(folder, "client", next_hop=host_port(siplbd.address))
        first_hop = stack.enter_context(client).address
    return Chain(siplbd, first_hop, caller, callee)


@pytest.fixture(params=[("client",), ("servers",), ("client", "servers")], ids="+".join)
def chain(request, tmp_path):
    with ExitStack() as stack:
        made = start(stack, tmp_path, request.param)
        if "servers" in request.param:
            register(made.siplbd, made.callee, USER, made.callee.uri, "registration")
        yield made


def test_calls_are_set_up_and_ended_by_both(chain):
    _, arrived = chain.ring()
    chain.callee_answers(arrived, 200)
    caller = Dialog.of_caller(chain.caller, chain.caller_hears(200))
    callee = Dialog.of_callee(chain.callee, arrived, "callee")
    caller.send("ACK", cseq=1)
    chain.callee_gets("ACK")
    exchange(caller, callee, [], "INFO")
    exchange(callee, caller, [], "INFO")
    exchange(callee, caller, [], "BYE")


def test_ringing_call_is_cancelled(chain):
    invite, arrived = chain.ring()
    chain.send(cancel(invite))
    chain.caller_hears(200, "CANCEL")
    cancelled = chain.callee_gets("CANCEL")
    assert cancelled.branch == arrived.branch
    chain.callee_answers(cancelled, 200)
    chain.callee_answers(arrived, 487)
    chain.callee_gets("ACK")
    chain.send(hop_ack(invite, chain.caller_hears(487)))


def test_refusal_is_acknowledged_hop_by_hop(chain):
    invite, arrived = chain.ring()
    chain.callee_answers(arrived, 486)
    assert chain.callee_gets("ACK").branch == arrived.branch
    chain.send(hop_ack(invite, chain.caller_hears(486)))
    chain.siplbd.wait_metric(1, "siplb_messages_absorbed_total", reason="ack")


@pytest.mark.parametrize("layout", [("servers",), ("client", "servers")], ids="+".join)
def test_unknown_user_is_not_found(tmp_path, layout):
    with ExitStack() as stack:
        chain = start(stack, tmp_path, layout)
        invite = chain.send(new_request(chain.caller, "INVITE", "call", "sip:nobody@example.com"))
        chain.send(hop_ack(invite, chain.caller_hears(404)))
        chain.siplbd.wait_metric(1, "siplb_messages_absorbed_total", reason="ack")


def test_second_try_with_a_digest_comes_to_the_server_that_asked(tmp_path):
    """Whoever's turn it is: the other server would not know the nonce."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Kamailio(tmp_path, "server")) for _ in range(2)]
        phone = stack.enter_context(Peer())
        config = configuration([listener()], [group([server.address for server in servers],
                                                    policy="round-robin")], workers=2)
        with Daemon(tmp_path, config) as siplbd:
            for i in range(8):
                register(siplbd, phone, USER, phone.uri, f"registration-{i}")


def test_sipp_calls_through_kamailio_on_both_sides(tmp_path):
    calls = 200
    with ExitStack() as stack:
        chain = start(stack, tmp_path, ("client", "servers"))
        callee = stack.enter_context(sipp_server(tmp_path, "callee", LOOPBACK[4],
                                                 ("-sf", SCENARIOS / "callee.xml", "-d", 200)))
        register(chain.siplbd, chain.callee, "sip:service@example.com",
                 f"sip:service@{host_port(callee.address)}", "registration")
        caller = stack.enter_context(Sipp(tmp_path, "caller", [
            "-sf", SCENARIOS / "caller.xml", host_port(chain.first_hop), "-i", LOOPBACK[4],
            "-t", "un", "-m", calls, "-r", 100, "-d", 0]))
        figures = caller.wait()
        assert (figures["SuccessfulCall"], figures["FailedCall"]) == (calls, 0)
        metrics = chain.siplbd.metrics()
        assert metrics.sum("siplb_requests_total", method="INVITE") == calls
        assert metrics.sum("siplb_messages_dropped_total") == 0
        assert metrics.sum("siplb_seal_rejected_total") == 0
