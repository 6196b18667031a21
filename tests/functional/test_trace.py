"""siplbctl trace: real calls through a real siplbd, as ladders and as JSON."""

import re
import signal
import subprocess
import time

import pytest

import schema
from pool import Control, admin_of
from siplb import (BIN, DEADLINE_S, Daemon, Peer, addresses_of, answer, configuration, exchange,
                   group, host_port, listener, new_request, receive_any, set_up_call, wait_until)


@pytest.fixture(name="pool")
def pool_fixture(tmp_path):
    with Peer() as one, Peer() as two, Peer() as client:
        config = configuration(
            [listener()],
            [group(addresses_of([one, two]), policy="round-robin")],
            workers=2, admin=admin_of(tmp_path), global_={"lanes": 4})
        with Daemon(tmp_path, config) as siplbd:
            yield siplbd, [one, two], client


class Trace:
    """A trace under way: what comes from the beginning of the `with` block on is followed."""

    def __init__(self, folder, *arguments):
        self._process = subprocess.Popen(
            [BIN / "siplbctl", "--socket", folder / "read.sock", "trace", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        self.first = self._process.stdout.readline()
        return self

    def end(self):
        """All that it has printed besides its first line, once it has ended well."""
        out, errors = self._process.communicate(timeout=DEADLINE_S)
        assert (self._process.returncode, errors) == (0, "")
        return out

    def last_word(self):
        """What it has printed, on whatever, once it has ended by itself."""
        return "".join(self._process.communicate(timeout=DEADLINE_S))

    def lines(self):
        """The same, as JSON: messages, and what ended it."""
        *messages, end = self.end().splitlines()
        return [*(schema.parse(line, "trace_message") for line in messages),
                schema.parse(end, "trace_end")]

    def __exit__(self, *_):
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate(timeout=DEADLINE_S)


def message_of(line):
    return line["way"], line["message"].split()[0], line["server"] is not None


# INVITE, 200 and ACK through siplb.
CALL = [("in", "INVITE", False), ("out", "INVITE", True), ("in", "200", True),
        ("out", "200", False), ("in", "ACK", False), ("out", "ACK", True)]


def test_draws_a_call(pool, tmp_path):
    siplbd, servers, client = pool
    with Trace(tmp_path, "--call-id", "ladder@10.0.0.5", "--count", "10") as trace:
        assert trace.first == "Following calls for 60 s.\n"
        set_up_call(client, siplbd.address, servers, "another")
        call = set_up_call(client, siplbd.address, servers, "ladder@10.0.0.5")
        exchange(call.caller, call.callee, [], "BYE")
        drawn = trace.end()
    print(drawn)
    lines = drawn.splitlines()
    server_name = f"pbx/s{servers.index(call.server) + 1}"
    assert re.match(r"Call 1 at [\d:.]{12}: ladder@10.0.0.5$", lines[1])
    assert lines[2].split()[0:2] == [host_port(client.address), "siplb"]
    assert [line.strip() for line in lines if line.startswith(" " * 40)] == [server_name]
    arrows = [line[10:] for line in lines if "|" in line]
    contact = host_port(call.callee.peer.address)
    said = ["INVITE sip:bob@example.com", "INVITE sip:bob@example.com", "200 Whatever (INVITE)",
            "200 Whatever (INVITE)"]
    for arrow, text in zip(arrows, said):
        assert text in arrow
    assert "ACK sip:" in arrows[4] and contact in arrows[5]
    assert [arrow.startswith("|-") for arrow in arrows] == [
        True, False, False, False, True, False, True, False, False, False]
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "The trace has ended: so many messages were wanted."


def test_tells_the_same_in_json(pool, tmp_path):
    siplbd, servers, client = pool
    with Trace(tmp_path, "--user", "alice", "--count", "6", "--json") as trace:
        assert schema.parse(trace.first, "trace_begin") == {"trace": {"seconds": 60, "count": 6}}
        set_up_call(client, siplbd.address, servers, "json")
        *messages, end = trace.lines()
    assert [message_of(line) for line in messages] == CALL
    assert end == {"ended": "count"}
    first = messages[0]
    assert first["remote"] == host_port(client.address)
    assert (first["call_id"], first["cseq"]) == ("json", "1 INVITE")
    assert (first["decision"], first["reason"]) == ("forwarded", None)
    assert messages[1]["server"] in ("pbx/s1", "pbx/s2")
    assert {line["lane"] for line in messages} == {first["lane"]}
    assert [line["seconds"] for line in messages] == sorted(line["seconds"] for line in messages)


def test_follows_one_server(pool, tmp_path):
    siplbd, servers, client = pool
    with Trace(tmp_path, "--server", "pbx/s1", "--count", "4", "--json") as trace:
        got = []  # each lane takes turns of its own
        while got.count(servers[0]) < 2 or servers[1] not in got:
            client.send(new_request(client, "MESSAGE", f"m-{len(got)}"), siplbd.address)
            server, request = receive_any(servers)
            server.send(answer(request, 200), siplbd.address)
            assert client.receive_response().status == 200
            got.append(server)
        *messages, _ = trace.lines()
    assert {line["server"] for line in messages} == {"pbx/s1"}
    assert [line["way"] for line in messages] == ["out", "in", "out", "in"]


def test_says_what_ended_at_siplb(pool, tmp_path):
    siplbd, _, client = pool
    with Trace(tmp_path, "--count", "3", "--json") as trace:
        request = new_request(client, "MESSAGE", "hops").with_header("Max-Forwards", "0")
        client.send(request, siplbd.address)
        assert client.receive_response().status == 483
        client.send(answer(request, 200).with_header("Via", "SIP/2.0/UDP 192.0.2.9"),
                    siplbd.address)
        *messages, _ = trace.lines()
    assert [(line["decision"], line["reason"]) for line in messages] == [
        ("answered", "483"), ("sent", None), ("dropped", "response_via_foreign")]


def test_shows_no_secrets(pool, tmp_path):
    siplbd, servers, client = pool
    with Trace(tmp_path, "--count", "2", "--json") as trace:
        request = new_request(client, "MESSAGE", "secrets", "sip:bob:hush-1@example.com;k=hush-2")
        request = request.with_header("Authorization", "Digest response=hush-3")
        client.send(request, siplbd.address)
        receive_any(servers)
        assert "hush" not in trace.end()


def test_is_refused_while_another_is_under_way(pool, tmp_path):
    siplbctl = Control(tmp_path)
    with Trace(tmp_path):
        assert "another trace is under way" in siplbctl("trace", code=1)
        assert "pbx/s1" in siplbctl("show", "servers", socket="read.sock")  # nobody has to wait
    wait_until(lambda: code_of_a_trace(tmp_path) == 0, "a trace when who followed has gone")
    assert "no server pbx/s9" in siplbctl("trace", "--server", "pbx/s9", code=1)
    assert "seconds is a number" in siplbctl("trace", "--seconds", "0", code=1)
    assert pool is not None


def code_of_a_trace(folder):
    return subprocess.run([BIN / "siplbctl", "--socket", folder / "read.sock", "trace",
                           "--seconds", "1"], capture_output=True, check=False).returncode


def test_ends_with_its_time_and_with_siplbd(pool, tmp_path):
    siplbd = pool[0]
    with Trace(tmp_path, "--seconds", "1") as trace:
        assert trace.end() == "The trace has ended: its time is over.\n"
    with Trace(tmp_path) as trace:
        siplbd.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert siplbd.process.wait(DEADLINE_S) == 0
        assert time.monotonic() - began < 2
        # siplbd waits for nobody, so that its last word may be missing.
        assert re.search("siplbd stops|no siplbd at", trace.last_word())
