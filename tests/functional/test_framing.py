"""Messages in a stream on real sockets: however it is cut they arrive the same, and where nobody
knows where a message ends it ends there (RFC 3261, 7.5 and 18.3; RFC 5626, 4.4.1)."""

from contextlib import ExitStack

import pytest

from siplb import Daemon, addresses_of, answer, configuration, group, new_request, set_up_call
from streams import StreamPeer, StreamProbe, StreamServer, resident_kib, stream_listener

LONGEST = 16_384  # limits.message_bytes
PING = b"\r\n\r\n"


class Stage:
    """A client and a server on TCP, and siplbd with one lane between them."""

    def __init__(self, folder, stack, **more):
        self.stack = stack
        self.server = stack.enter_context(StreamServer())
        config = configuration(
            [stream_listener()], [group(addresses_of([self.server]), transport="tcp")],
            global_={"lanes": 1}, limits={"message_bytes": LONGEST}, **more)
        self.siplbd = stack.enter_context(Daemon(folder, config))
        self.probe = stack.enter_context(StreamProbe(self.siplbd.address))

    def connect(self, **more):
        return self.stack.enter_context(StreamPeer(self.siplbd.address, **more))

    def served(self):
        """The next request at the server, which accepts it."""
        request = self.server.receive()
        self.server.send(answer(request, 200, to_tag="to"))
        return request

    def assert_only_canary(self):
        """The server has heard nothing, and hears what comes by another connection."""
        client = self.connect()
        client.send(message(client, "canary"))
        assert self.served()["Call-ID"] == "canary"
        assert client.receive().status == 200

    def send_in_pieces(self, client, pieces):
        """siplb has read each before the next is sent."""
        for piece in pieces:
            client.send(piece)
            self.probe.settle()


@pytest.fixture
def stage(tmp_path):
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


def message(client, call_id, body="hello"):
    request = new_request(client, "MESSAGE", call_id).with_header("Content-Length", str(len(body)))
    request.body = body
    return request


# One with a body that looks like the next message, one without any, one that ends in half a ping.
BODIES = ["\r\n\r\nMESSAGE sip:x SIP/2.0\r\nContent-Length: 9\r\n\r\n", "", "text\r\n"]


def three_messages(client):
    return [message(client, f"message-{i}", body) for i, body in enumerate(BODIES)]


def pass_on(stage, client, requests):
    """What of them arrives, and what comes back: what must not depend on how they were cut."""
    arrived = [stage.served() for _ in requests]
    answers = [client.receive() for _ in requests]
    assert not client.inbox and not client.end
    return ([(each.start, each["Call-ID"], each["CSeq"], each.body) for each in arrived],
            [(each.start, each["Call-ID"]) for each in answers])


def expected(requests):
    return ([(each.start, each["Call-ID"], each["CSeq"], each.body) for each in requests],
            [("SIP/2.0 200 Whatever", each["Call-ID"]) for each in requests])


def test_three_messages_in_one_segment_arrive(stage):
    client = stage.connect()
    requests = three_messages(client)
    client.send(b"".join(request.encode() for request in requests))
    assert pass_on(stage, client, requests) == expected(requests)


def test_messages_that_come_octet_by_octet_arrive(stage):
    client = stage.connect()
    requests = three_messages(client)
    octets = b"".join(request.encode() for request in requests)
    stage.send_in_pieces(client, [octets[i:i + 1] for i in range(len(octets))])
    assert pass_on(stage, client, requests) == expected(requests)
    assert client.pongs == 0


def test_messages_cut_at_any_place_arrive(stage):
    """Two messages; the second piece begins at each offset of the first one and of the second's
    start."""
    client = stage.connect()
    length = len(message(client, "cut-000-0", BODIES[0]).encode())
    for cut in range(1, length + 9):
        requests = [message(client, f"cut-{cut:03}-{i}", BODIES[i]) for i in range(2)]
        octets = b"".join(request.encode() for request in requests)
        stage.send_in_pieces(client, [octets[:cut], octets[cut:]])
        assert pass_on(stage, client, requests) == expected(requests), cut


def test_keep_alives_between_messages_change_nothing(stage):
    client = stage.connect()
    requests = three_messages(client)
    whole = [request.encode() for request in requests]
    stage.send_in_pieces(client, [
        PING + whole[0] + b"\r", b"\n\r", b"\n" + whole[1][:1], whole[1][1:] + b"\r\n" + whole[2]])
    assert pass_on(stage, client, requests) == expected(requests)
    client.wait_pongs(2)  # a lone CRLF is none
    assert stage.siplbd.metrics().sum("siplb_stream_pings_total") == 2


def test_keep_alives_are_answered(stage):
    client = stage.connect()
    for count, pieces in enumerate([[PING], [b"\r\n", b"\r\n"],
                                    [bytes([octet]) for octet in PING]], 1):
        stage.send_in_pieces(client, pieces)
        client.wait_pongs(count)
    stage.send_in_pieces(client, [b"\r\n"])
    assert not client.hears() and client.pongs == 3
    # A thousand at once draw no thousand answers.
    client.send(PING * 1000)
    client.wait_pongs(4)
    stage.probe.settle()
    assert not client.hears() and client.pongs < 100
    set_up_call(client, stage.siplbd.address, [stage.server], "after")


# ---- where a message ends ------------------------------------------------------------------------

BAD_LENGTHS = {
    "contradicting": ["0", "{length}"],
    "contradicting, other way round": ["{length}", "0"],
    "negative": ["-1"],
    "2^32 + 5": ["4294967301"],
    "2^64 + 5": ["18446744073709551621"],
    "hexadecimal": ["0x5"],
    "two in one": ["5, 5"],
    "none": [""],
    "missing": [],
}


@pytest.mark.parametrize("name", BAD_LENGTHS)
@pytest.mark.parametrize("short", [False, True])
def test_no_message_is_smuggled_behind_a_bad_length(stage, name, short):
    client = stage.connect()
    inner = message(client, "inner").encode().decode()
    outer = message(client, "outer", "12345" + inner)
    values = [value.format(length=len(outer.body)) for value in BAD_LENGTHS[name]]
    octets = outer.with_header("Content-Length", *values).encode()
    if short:
        octets = octets.replace(b"Content-Length:", b"l:")
    client.send(octets)
    assert client.wait_end() == "closed"
    assert [each.status for each in client.inbox] == [400]
    stage.assert_only_canary()
    fault = "no_length" if name == "missing" else "bad_length"
    assert stage.siplbd.metrics().sum("siplb_frame_faults_total", reason=fault) == 1


def test_length_that_is_told_twice_is_refused(stage):
    client = stage.connect()
    outer = message(client, "outer").with_header("Content-Length", "5", "5")
    client.send(outer.encode() + message(client, "inner").encode())
    assert client.wait_end() == "closed"
    assert [each.status for each in client.inbox] == [400]
    stage.assert_only_canary()


def test_what_is_no_sip_is_closed(stage):
    for octets in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
                   b"\0" * 100):
        client = stage.connect()
        client.send(octets)
        client.wait_end()
        assert not client.inbox
    metrics = stage.siplbd.metrics()
    assert metrics.sum("siplb_frame_faults_total", reason="not_sip") == 3
    stage.assert_only_canary()


# ---- how much a message may be -------------------------------------------------------------------


def of_length(client, call_id, length):
    """A message of that many octets, five digits."""
    start = "x" * 10_000
    rest = length - len(message(client, call_id, start).encode())
    return message(client, call_id, start + "x" * rest)


def test_longest_message_passes_and_a_longer_one_is_refused(stage):
    client = stage.connect()
    requests = [of_length(client, "longest", LONGEST)]
    client.send(requests[0])
    assert pass_on(stage, client, requests) == expected(requests)
    client.send(of_length(client, "longer", LONGEST + 1))
    client.wait_end()
    assert [each.status for each in client.inbox] == [513]
    assert stage.siplbd.metrics().sum("siplb_frame_faults_total", reason="message_too_long") == 1
    stage.assert_only_canary()


def test_endless_head_is_cut_off(stage):
    client = stage.connect()
    head = message(client, "endless").encode().partition(PING)[0]
    client.send(head + b"\r\nSubject: " + b"x" * LONGEST)
    client.wait_end()
    assert stage.siplbd.metrics().sum("siplb_frame_faults_total", reason="head_too_long") == 1
    stage.assert_only_canary()


def test_gigabyte_on_forty_connections_costs_nothing(stage):
    stage.assert_only_canary()
    before = resident_kib(stage.siplbd)
    clients = [stage.connect() for _ in range(40)]
    for number, client in enumerate(clients):
        request = message(client, f"giant-{number}", "x" * 32_768)
        client.try_send(request.with_header("Content-Length", str(1 << 30)))
    for client in clients:
        client.wait_end()
    after = resident_kib(stage.siplbd)
    print(f"resident: {before} KiB before, {after} KiB after")
    assert after - before < 1024
    metrics = stage.siplbd.metrics()
    assert metrics.sum("siplb_frame_faults_total", reason="message_too_long") == 40
    stage.assert_only_canary()


def test_large_messages_of_one_source_share_few_slots(stage):
    """Of forty unfinished ones two may be kept; another address gets a slot of its own."""
    clients = [stage.connect(host="127.0.0.2") for _ in range(40)]
    for number, client in enumerate(clients):
        client.send(of_length(client, f"large-{number}", LONGEST).encode()[:-1])
        stage.probe.settle()
    ended = stage.siplbd.metrics().sum("siplb_connections_ended_total", reason="no_slot")
    assert ended == 38
    other = stage.connect(host="127.0.0.3")
    requests = [of_length(other, "large", LONGEST)]
    octets = requests[0].encode()
    stage.send_in_pieces(other, [octets[:-1], octets[-1:]])
    assert pass_on(stage, other, requests) == expected(requests)
