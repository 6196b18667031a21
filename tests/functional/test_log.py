"""What siplbd writes about itself: in which form, what of messages, and nothing that is secret."""

import os
import pty
import signal
import subprocess

import pytest

from pool import events_of
from siplb import (BIN, DEADLINE_S, Daemon, addresses_of, answer, configuration, group, hop_ack,
                   listener, new_request, set_up_call, wait_until, write_config)

SECRET = "canary-77"


def one_server(servers, **log):
    return configuration([listener()], [group(addresses_of(servers))], global_={"log": log})


def test_is_json_where_nobody_reads_at_a_terminal(tmp_path, peers):
    with Daemon(tmp_path, one_server(peers(1))) as siplbd:
        assert siplbd.wait_event("ready")["level"] == "info"


def read_until(terminal, text):
    seen = ""
    while text not in seen:
        seen += os.read(terminal, 4096).decode()
    return seen


def test_is_text_at_a_terminal(tmp_path, peers):
    write_config(tmp_path / "siplb.yaml", one_server(peers(1)))
    ours, theirs = pty.openpty()
    with subprocess.Popen([BIN / "siplbd", "--config", tmp_path / "siplb.yaml"],
                          stdin=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        try:
            seen = read_until(ours, "info: ready")
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()
    os.close(ours)
    assert "info: listening listener=main transport=udp address=127.0.0.1:" in seen


@pytest.mark.parametrize("calls", [True, False])
def test_writes_a_line_for_each_call_if_asked_to(tmp_path, peers, calls):
    [client], [server] = peers(1), peers(1)
    with Daemon(tmp_path, one_server([server], format="json", calls=calls)) as siplbd:
        set_up_call(client, siplbd.address, [server], "answered@here")
        client.send(invite := new_request(client, "INVITE", "busy@here"), siplbd.address)
        server.send(answer(server.receive(), 486, server, "t"), siplbd.address)
        refusal = client.receive()
        while refusal.status != 486:
            refusal = client.receive()
        client.send(hop_ack(invite, refusal), siplbd.address)
        siplbd.settle()
        assert siplbd.end() == 0  # and so has written what it had to say
        lines = events_of(siplbd, "call answered")
        assert [(line["call_id"], line["server"], line["code"]) for line in lines] == [
            ("answered@here", "s1", "200"), ("busy@here", "s1", "486")] * calls
        assert all(line["group"] == "pbx" and int(line["after_ms"]) >= 0 for line in lines)


def test_shows_the_first_line_of_what_it_drops(tmp_path, peers):
    [client], servers = peers(1), peers(1)
    with Daemon(tmp_path, one_server(servers, format="json")) as siplbd:
        for _ in range(20):
            client.send(b"HELO there\xff\r\nsecond line\r\n\r\n", siplbd.address)
        wait_until(lambda: siplbd.metrics().dropped("not_sip") == 20, "20 dropped")
        assert siplbd.end() == 0
        first, *others = events_of(siplbd, "message dropped")
        assert first["reason"] == "not_sip"
        assert first["first_line"] == "HELO there\xff"
        assert first["from"] == f"127.0.0.1:{client.address[1]}"
        assert 1 + sum(1 + int(line.get("suppressed", 0)) for line in others) <= 20
        assert len(others) < 19


def test_writes_no_secret(tmp_path, peers):
    [client], [server] = peers(1), peers(1)
    config = one_server([server], format="json", level="debug", calls=True)
    with Daemon(tmp_path, config) as siplbd:
        uri = f"sip:bob:{SECRET}@example.com"
        forwarded = new_request(client, "INVITE", "one", uri)
        forwarded.headers.append(("Authorization", f'Digest response="{SECRET}"'))
        forwarded.body = f"a=crypto:{SECRET}"
        client.send(forwarded, siplbd.address)
        server.send(answer(server.receive(), 200, server, "t"), siplbd.address)
        malformed = new_request(client, "ACK", "two", uri)
        malformed.headers = [field for field in malformed.headers if field[0] != "CSeq"]
        client.send(malformed, siplbd.address)
        wait_until(lambda: siplbd.metrics().dropped("malformed") == 1, "one dropped")
        assert siplbd.end() == 0
        assert events_of(siplbd, "message dropped")
        assert SECRET not in str(siplbd.events)
