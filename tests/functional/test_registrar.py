"""Kamailio as the PBX behind siplb: registrar of phones behind a NAT, and proxy to them.

With Path, and for registrars that know none by the Request-URI. What a NAT is to others is made
without one: a phone whose messages name an address that leads nowhere, and whose datagrams come
from a port that may change in mid-call.
"""

import socket
from contextlib import ExitStack

import pytest

from siplb import (Daemon, Peer, Phone, addresses_of, configuration, exchange, finish_call,
                   free_port, group, host_port, listener, new_request, param)
from test_interop import USER, Kamailio, find_kamailio

pytestmark = pytest.mark.skipif(not find_kamailio(), reason="kamailio is not installed")

PRIVATE = ("192.168.1.20", 5060)
NAT = "127.0.0.77"


class HiddenPhone(Phone):
    """A phone behind a NAT, as it is seen from outside of it."""

    def __init__(self):
        super().__init__(NAT)
        self.address = PRIVATE
        self.uri = f"sip:bob@{host_port(PRIVATE)}"

    def move(self):
        """The NAT lends it another port; the one before leads nowhere."""
        with self.socket:  # until there is another, so that it can't be the same
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((NAT, 0))


class Office:
    """A caller, a phone, and two Kamailios behind siplb, each with a memory of its own: the phone
    is called by the one that it registered with."""

    def __init__(self, folder, stack, way):
        self.knows_path = way == "path"
        self.phone = stack.enter_context(HiddenPhone())
        self.caller = stack.enter_context(Peer())
        outside, inside = (listener(name, port=free_port(), role=role)
                           for name, role in [("outside", "clients"), ("inside", "servers")])
        pbxes = [stack.enter_context(Kamailio(folder, "registrar", inside["address"]))
                 for _ in range(2)]
        routes = [{"name": "registrations", "match": {"methods": ["REGISTER"]}, "group": "pbx"},
                  {"name": "calls", "group": "pbx"}]
        if self.knows_path:
            routes[0]["path"] = "auto"
        else:
            routes.append({"name": "to-phones", "match": {"from_group": "pbx"},
                           "forward": "request-uri"})
        groups = [group(addresses_of(pbxes), listener="inside", hash_key="to-user")]
        config = configuration([outside, inside], groups, routes=routes, workers=2)
        self.siplbd = stack.enter_context(Daemon(folder, config))

    def contact(self):
        """Without Path the phone has to name where it is seen, as siplb tells it (RFC 3581)."""
        if self.knows_path:
            return self.phone.uri
        ours = f"sip:{host_port(self.siplbd.address)}"
        self.phone.send(new_request(self.phone, "OPTIONS", "where-am-i", ours),
                        self.siplbd.address)
        via = self.phone.receive()["Via"]
        return f"sip:bob@{param(via, 'received')}:{param(via, 'rport')}"

    def register(self, cseq=1):
        contact = self.contact()
        request = new_request(self.phone, "REGISTER", "registration", "sip:example.com", cseq)
        request = request.with_header("To", f"<{USER}>").with_header("Contact", f"<{contact}>")
        self.phone.send(request, self.siplbd.address)
        registered = self.phone.receive()
        assert registered.status == 200
        assert contact in registered["Contact"]

    def call(self, call_id):
        """The phone is called. (its end, the caller's end)"""
        self.caller.send(new_request(self.caller, "INVITE", call_id, USER), self.siplbd.address)
        call = finish_call(self.caller, [self.phone], self.phone, self.phone.receive())
        return call.callee, call.caller


@pytest.fixture(params=["path", "request-uri"])
def office(request, tmp_path):
    with ExitStack() as stack:
        made = Office(tmp_path, stack, request.param)
        made.register()
        yield made
        assert made.phone.heard_from == {made.siplbd.address}


def hang_up(phone, caller, who):
    sender, receiver = (phone, caller) if who == "phone" else (caller, phone)
    exchange(sender, receiver, [], "BYE")


@pytest.mark.parametrize("who", ["phone", "caller"])
def test_phone_behind_a_nat_is_called(office, who):
    phone, caller = office.call("call")
    exchange(phone, caller, [], "INFO")
    exchange(caller, phone, [], "INFO")
    hang_up(phone, caller, who)


@pytest.mark.parametrize("who", ["phone", "caller"])
def test_phone_gets_another_port_in_mid_call(office, who):
    """Its next request says where it is from then on."""
    phone, caller = office.call("call")
    exchange(caller, phone, [], "INFO")
    for _ in range(2):
        office.phone.move()
        exchange(phone, caller, [], "INFO")
        exchange(caller, phone, [], "INFO")
    hang_up(phone, caller, who)


def test_phone_that_has_moved_ends_its_call_at_once(office):
    phone, caller = office.call("call")
    office.phone.move()
    exchange(phone, caller, [], "BYE")


def test_registration_from_another_port_replaces_the_first(tmp_path):
    """Same Contact, new Path: calls come to the new port only."""
    with ExitStack() as stack:
        office = Office(tmp_path, stack, "path")
        for cseq in (1, 2):
            office.register(cseq)
            phone, caller = office.call(f"call-{cseq}")
            exchange(caller, phone, [], "BYE")
            office.phone.move()
