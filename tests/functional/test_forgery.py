"""What others forge leads nowhere: no datagram to a third party, and every attempt is counted.

One lane, so that messages are dealt with in the order in which they are sent: when the OPTIONS that
ends a test is answered, all before it has been dealt with, and what was to leave has left.
"""

from contextlib import ExitStack, contextmanager

import pytest

from siplb import (Daemon, Message, Peer, addresses_of, answer, configuration, free_port, group,
                   host_port, listener, new_request, param, receive_any, sent_by, set_up_call)


class Scene:
    """A siplbd with two servers, a client, and a third party that must hear nothing."""

    def __init__(self, folder, stack, **group_options):
        self.client, *self.servers = [stack.enter_context(Peer()) for _ in range(3)]
        self.third = stack.enter_context(Peer("127.0.0.9"))
        self.config = configuration(
            [listener(port=free_port())],
            [group(addresses_of(self.servers), **group_options)],
            global_={"lanes": 1})
        self.siplbd = stack.enter_context(Daemon(folder, self.config))

    def assert_silence(self):
        self.siplbd.settle()
        for peer in [self.client, self.third, *self.servers]:
            assert not peer.hears(), f"{peer.address} heard {peer.receive().encode()}"

    def invite(self, call_id):
        """(server, INVITE as it got there)"""
        self.client.send(new_request(self.client, "INVITE", call_id), self.siplbd.address)
        return receive_any(self.servers)

    def forget(self):
        """siplb's transactions are gone: of what is under way, it knows what the seals say."""
        self.siplbd.kill()
        self.siplbd.start()

    def call(self, call_id):
        return set_up_call(self.client, self.siplbd.address, self.servers, call_id)

    def seals_rejected(self, what, reason):
        return self.siplbd.metrics().sum("siplb_seal_rejected_total", what=what, reason=reason)


@contextmanager
def scene(folder, **group_options):
    with ExitStack() as stack:
        yield Scene(folder, stack, **group_options)


def other_character(text, at):
    return text[:at] + ("a" if text[at] != "a" else "b") + text[at + 1:]


# ---- responses ---------------------------------------------------------------------------------


def with_vias(response, change):
    own, below = response.all("Via")
    return response.with_header("Via", *change(own, below))


def seal_of(via):
    return param(via, "slb")


RESPONSE_FORGERIES = {
    "seal altered": ("bad_mac", lambda own, below, third: (
        own.replace(seal_of(own), other_character(seal_of(own), 20)), below)),
    "branch altered": ("bad_mac", lambda own, below, third: (
        own.replace(param(own, "branch"), other_character(param(own, "branch"), 15)), below)),
    "seal cut": ("malformed", lambda own, below, third: (
        own.replace(seal_of(own), seal_of(own)[:-1]), below)),
    "seal missing": ("not_ours", lambda own, below, third: (
        own.replace(f";slb={seal_of(own)}", ""), below)),
    "next Via of a third party": ("bad_mac", lambda own, below, third: (
        own, f"SIP/2.0/UDP {third};branch={param(below, 'branch')}")),
    "next Via with received added": ("bad_mac", lambda own, below, third: (
        own, f"{below};received=127.0.0.9")),
    "next Via with rport added": ("bad_mac", lambda own, below, third: (
        own, f"{below};rport={third.rpartition(':')[2]}")),
    "next Via of another branch": ("bad_mac", lambda own, below, third: (own, below + "x")),
}


@pytest.mark.parametrize("forgery", RESPONSE_FORGERIES)
def test_forged_response_leads_nowhere(tmp_path, forgery):
    reason, change = RESPONSE_FORGERIES[forgery]
    with scene(tmp_path) as s:
        server, request = s.invite("forged")
        s.forget()
        true = answer(request, 200, server, "to")
        third = host_port(s.third.address)
        forged = with_vias(true, lambda own, below: change(own, below, third))
        for sender in (server, s.third):
            sender.send(forged, s.siplbd.address)
        s.assert_silence()
        assert s.seals_rejected("via", reason) == 2
        assert s.siplbd.metrics().dropped("response_seal_refused") == 2
        server.send(true, s.siplbd.address)
        assert s.client.receive().status == 200


@pytest.mark.parametrize("forgery", sorted(RESPONSE_FORGERIES.keys() - {"branch altered"}))
def test_response_with_the_secret_branch_goes_by_its_transaction(tmp_path, forgery):
    """Servers may print what they like into the rest: it leads to the client all the same."""
    change = RESPONSE_FORGERIES[forgery][1]
    with scene(tmp_path) as s:
        server, request = s.invite("mangled")
        third = host_port(s.third.address)
        server.send(with_vias(answer(request, 200, server, "to"),
                              lambda own, below: change(own, below, third)), s.siplbd.address)
        assert s.client.receive_response().status == 200
        s.assert_silence()


def test_response_without_the_clients_via_is_no_answer(tmp_path):
    """RFC 3261, 16.7, 3: it must not be forwarded."""
    with scene(tmp_path) as s:
        server, request = s.invite("bare")
        true = answer(request, 200, server, "to")
        server.send(true.with_header("Via", true["Via"]), s.siplbd.address)
        server.send(true, s.siplbd.address)
        assert len(s.client.receive_response().all("Via")) == 1
        assert s.siplbd.metrics().dropped("response_via_missing") == 1


def test_response_with_a_foreign_top_via_leads_nowhere(tmp_path):
    with scene(tmp_path) as s:
        server, request = s.invite("foreign")
        s.forget()
        true = answer(request, 200, server, "to")
        own = true.all("Via")[0]
        elsewhere = own.replace(sent_by(request), host_port(s.third.address))
        server.send(with_vias(true, lambda own, below: (elsewhere, below)), s.siplbd.address)
        server.send(with_vias(true, lambda own, below: (below, own)), s.siplbd.address)
        server.send(true.with_header("Via", own), s.siplbd.address)
        s.assert_silence()
        metrics = s.siplbd.metrics()
        assert metrics.dropped("response_via_foreign") == 2
        assert metrics.dropped("response_via_missing") == 1


def test_seal_of_another_key_leads_nowhere(tmp_path):
    with scene(tmp_path) as s:
        server, request = s.invite("old-key")
        s.siplbd.kill()
        (tmp_path / "key").unlink()
        s.siplbd.start()
        server.send(answer(request, 200, server, "to"), s.siplbd.address)
        s.assert_silence()
        assert s.seals_rejected("via", "bad_mac") == 1


# ---- tokens ------------------------------------------------------------------------------------


def token_of(dialog):
    return dialog.routes[0].partition(":")[2].partition("@")[0]


def with_token(request, token):
    head, _, rest = request["Route"].partition(":")
    return request.with_header("Route", f"{head}:{token}@{rest.partition('@')[2]}")


def as_another_dialog(request, call_id="another"):
    return (request.with_header("Call-ID", call_id)
            .with_header("From", "<sip:mallory@example.com>;tag=mallory"))


def test_tampered_token_is_no_token(tmp_path):
    """Each part of it is under the seal: whose it is, where it leads, and the seal itself."""
    with scene(tmp_path, tokenless_dialogs=False) as s:
        dialog = s.call("tampered").caller
        token = token_of(dialog)
        tampered = [other_character(token, at) for at in range(2, len(token) - 1, 3)]
        for forged in tampered:
            request = as_another_dialog(with_token(dialog.request("BYE"), forged), "tampered")
            s.client.send(request, s.siplbd.address)
            assert s.client.receive().status == 481
        s.assert_silence()
        rejected = s.seals_rejected("token", "bad_mac") + s.seals_rejected("token", "malformed")
        assert rejected == len(tampered)
        assert s.seals_rejected("token", "bad_mac") > 0


@pytest.mark.parametrize("method", ["BYE", "INFO", "INVITE"])
def test_token_is_of_no_use_in_another_call(tmp_path, method):
    with scene(tmp_path, tokenless_dialogs=False) as s:
        dialog = s.call("genuine").caller
        s.client.send(as_another_dialog(dialog.request(method)), s.siplbd.address)
        assert s.client.receive().status == 481
        s.client.send(as_another_dialog(dialog.request("ACK", cseq=1)), s.siplbd.address)
        s.assert_silence()
        assert s.seals_rejected("token", "bad_mac") == 2
        assert s.siplbd.metrics().dropped("ack_refused") == 1


def test_token_of_another_key_is_no_token(tmp_path):
    with scene(tmp_path, tokenless_dialogs=False) as s:
        dialog = s.call("old-key").caller
        s.siplbd.kill()
        (tmp_path / "key").unlink()
        s.siplbd.start()
        dialog.send("BYE")
        assert s.client.receive().status == 481
        s.assert_silence()
        assert s.seals_rejected("token", "bad_mac") == 1


def test_token_does_not_lead_past_the_routes(tmp_path):
    with scene(tmp_path) as s:
        dialog = s.call("genuine").caller
        s.siplbd.kill()
        s.config["routes"] = [{"name": "barred", "match": {"methods": ["MESSAGE"]}, "drop": True},
                              {"name": "default", "group": "pbx"}]
        s.siplbd.start()
        message = as_another_dialog(dialog.request("MESSAGE"))
        s.client.send(message, s.siplbd.address)
        s.client.send(message.with_header("To", "<sip:bob@example.com>"), s.siplbd.address)
        s.assert_silence()
        assert s.siplbd.metrics().dropped("route") == 2
        assert s.seals_rejected("token", "bad_mac") == 2


# ---- Route, Request-URI and Via to a third party -------------------------------------------------


def towards(request, uri):
    method, _, version = request.start.split(" ")
    return Message(f"{method} {uri} {version}", request.headers, request.body)


def with_further_route(request, uri):
    return request.with_header("Route", *request.all("Route"), f"<{uri};lr>")


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "REGISTER", "OPTIONS"])
def test_route_of_a_client_to_a_third_party_is_refused(tmp_path, method):
    with scene(tmp_path) as s:
        request = with_further_route(new_request(s.client, method, "relay"), s.third.uri)
        s.client.send(request, s.siplbd.address)
        assert s.client.receive().status == 403
        s.assert_silence()
        assert s.siplbd.metrics().sum("siplb_messages_answered_total", code="403") == 1


def test_route_of_a_server_to_a_third_party_is_refused(tmp_path):
    with scene(tmp_path) as s:
        server = s.servers[0]
        server.send(with_further_route(new_request(server, "INVITE", "relay"), s.third.uri),
                    s.siplbd.address)
        assert server.receive().status == 403
        s.assert_silence()


def test_request_uri_of_a_third_party_leads_to_a_server(tmp_path):
    with scene(tmp_path) as s:
        s.client.send(new_request(s.client, "INVITE", "uri", uri=s.third.uri), s.siplbd.address)
        assert receive_any(s.servers)[1].uri == s.third.uri
        s.assert_silence()


def test_dialogs_do_not_lead_to_a_third_party(tmp_path):
    """A genuine token beside a forged Request-URI or further Route: still only to its server."""
    with scene(tmp_path) as s:
        call = s.call("dialog")
        for request in [towards(call.caller.request("INFO"), s.third.uri),
                        with_further_route(call.caller.request("INFO"), s.third.uri),
                        towards(call.caller.request("ACK", cseq=1), s.third.uri)]:
            s.client.send(request, s.siplbd.address)
            assert receive_any(s.servers)[0] is call.server
        for request in [towards(call.callee.request("INFO"), s.third.uri),
                        with_further_route(call.callee.request("INFO"), s.third.uri)]:
            call.server.send(request, s.siplbd.address)
            assert s.client.receive().method == "INFO"
        s.assert_silence()


def test_dialogs_without_a_token_do_not_lead_to_a_third_party(tmp_path):
    with scene(tmp_path) as s:
        call = s.call("bare")
        bare = towards(call.caller.request("INFO"), s.third.uri).with_header("Route")
        s.client.send(bare, s.siplbd.address)
        assert receive_any(s.servers)[0] is call.server
        s.client.send(with_further_route(bare, s.third.uri), s.siplbd.address)
        assert s.client.receive().status == 403
        s.assert_silence()


def test_our_own_answers_go_to_the_sender_only(tmp_path):
    """A Via that names somebody else draws no answer to him: siplb is no reflector."""
    with scene(tmp_path) as s:
        third = host_port(s.third.address)
        ours = f"sip:{host_port(s.siplbd.address)}"
        for i, via in enumerate([f"SIP/2.0/UDP {third};branch=z9hG4bK-1",
                                 f"SIP/2.0/UDP {third};received=127.0.0.9;rport;branch=z9hG4bK-2",
                                 f"SIP/2.0/UDP {third};maddr=127.0.0.9;branch=z9hG4bK-3"]):
            request = new_request(s.client, "OPTIONS", f"reflect-{i}", ours)
            s.client.send(request.with_header("Via", via), s.siplbd.address)
        assert s.client.receive().status == 200  # the one with rport
        s.assert_silence()
        assert s.siplbd.metrics().sum("siplb_messages_answered_total", code="200") == 4
