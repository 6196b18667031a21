"""siplbctl while siplbd works: draining the node, and `top` in a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
import urllib.error

import pytest

import schema
from pool import Control, admin_of, happened
from siplb import (BIN, DEADLINE_S, Daemon, Peer, addresses_of, configuration, exchange, group,
                   listener, new_request, set_up_call, write_config)


@pytest.fixture(name="office")
def office_fixture(tmp_path):
    """siplbd with a call under way: (siplbd, siplbctl, call, client)."""
    with Peer() as client, Peer() as server:
        config = configuration([listener()], [group(addresses_of([server]))],
                               admin=admin_of(tmp_path), global_={"lanes": 1})
        with Daemon(tmp_path, config) as siplbd:
            call = set_up_call(client, siplbd.address, [server], "call")
            yield siplbd, Control(tmp_path), call, client


# ---- drain ---------------------------------------------------------------------------------------


def answer_to(siplbd, client, method, call_id, uri="sip:bob@example.com"):
    client.send(new_request(client, method, call_id, uri), siplbd.address)
    return client.receive_response().status


def readiness(siplbd):
    try:
        return siplbd.get("/readyz")[0]
    except urllib.error.HTTPError as error:
        return error.code


def test_a_node_that_drains_takes_nothing_new_while_dialogs_go_on(office):
    siplbd, siplbctl, call, client = office
    ours = "sip:%s:%d" % siplbd.address
    assert (readiness(siplbd), siplbd.metrics().sum("siplb_draining")) == (200, 0)
    assert siplbctl("drain") == "New work is refused; 1 call remains.\n"
    assert (readiness(siplbd), siplbd.metrics().sum("siplb_draining")) == (503, 1)
    assert siplbd.get("/healthz")[0] == 200
    assert answer_to(siplbd, client, "MESSAGE", "new") == 503
    assert answer_to(siplbd, client, "OPTIONS", "ping", ours) == 503
    exchange(call.caller, call.callee, [], "INFO")
    exchange(call.callee, call.caller, [], "INFO")

    assert siplbctl("drain", "--cancel") == "New work is taken.\n"
    assert (readiness(siplbd), siplbd.metrics().sum("siplb_draining")) == (200, 0)
    assert answer_to(siplbd, client, "OPTIONS", "ping-2", ours) == 200
    exchange(call.caller, call.callee, [], "BYE")


def test_drain_waits_for_the_last_call(office):
    siplbd, siplbctl, call, _ = office
    waiting = siplbctl.start("drain", "--wait")
    assert waiting.stdout.readline() == "New work is refused; 1 call remains.\n"
    assert waiting.poll() is None
    exchange(call.caller, call.callee, [], "BYE")
    out, errors = waiting.communicate(timeout=DEADLINE_S)
    assert (waiting.returncode, out, errors) == (0, "New work is refused; no calls remain.\n", "")
    assert siplbctl.json("drain", "drain") == {"draining": True, "calls": 0}


def test_who_waits_hears_that_the_drain_was_ended(office):
    _, siplbctl, _, _ = office
    waiting = siplbctl.start("drain", "--wait")
    assert "1 call remains" in waiting.stdout.readline()
    siplbctl("drain", "--cancel")
    _, errors = waiting.communicate(timeout=DEADLINE_S)
    assert (waiting.returncode, "somebody has ended the draining" in errors) == (1, True)


def test_drain_is_logged_with_its_uid_and_over_with_a_restart(office):
    siplbd, siplbctl, _, client = office
    siplbctl("drain")
    happened(siplbd, "draining, no new work", uid=str(os.getuid()))
    assert "only shows" in siplbctl("drain", "--cancel", code=1, socket="read.sock")
    siplbctl("drain", "--cancel")
    happened(siplbd, "draining is over", uid=str(os.getuid()))
    siplbctl("drain")
    siplbd.end()
    siplbd.start()
    assert readiness(siplbd) == 200
    assert siplbctl.json("dump", "dump")["status"]["draining"] is False


# ---- reload --------------------------------------------------------------------------------------


def test_reload_says_what_has_changed_or_what_is_wrong(office):
    siplbd, siplbctl, _, _ = office
    [pbx] = siplbd.config["groups"]
    pbx["servers"].append({"name": "s2", "uri": "sip:127.0.0.1:9"})
    write_config(siplbd.file, siplbd.config)
    changes = siplbctl.json("reload", "reload")["changes"]
    assert any("s2" in change for change in changes), changes
    assert "s2" in siplbctl.servers()

    siplbctl("set", "server", "pbx/s2", "weight", "7")
    pbx["policy"] = "chance"
    write_config(siplbd.file, siplbd.config)
    assert re.search(r"siplb\.yaml:\d+:\d+: ", siplbctl("reload", code=1))
    pbx["policy"] = "random"
    write_config(siplbd.file, siplbd.config)
    print(siplbctl("reload", "--state", "reset"))
    assert siplbctl.servers()["s2"]["weight"] == 100
    assert "only shows" in siplbctl("reload", code=1, socket="read.sock")


# ---- top -----------------------------------------------------------------------------------------


def test_top_prints_one_frame_where_nobody_watches(office):
    _, siplbctl, _, _ = office
    for arguments in (["top", "--once"], ["top"]):
        frame = siplbctl(*arguments)
        print(frame)
        assert re.match(r"siplb \S+, up \d+s\ncalls 1   in \d", frame)
        assert re.search(r"^pbx/s1  ready  unknown +1 ", frame, re.M)
        assert max(map(len, frame.splitlines())) <= 80
        assert "\x1b" not in frame
    top = siplbctl.json("top", "top", "--once")
    assert (top["calls"], len(top["servers"])) == (1, 1)


class Terminal:
    """siplbctl in a terminal of 24 rows."""

    def __init__(self, folder, *arguments):
        self.near, far = pty.openpty()
        termios.tcsetwinsize(self.near, (24, 80))
        self.before = termios.tcgetattr(self.near)
        self.process = subprocess.Popen(
            [BIN / "siplbctl", "--socket", folder / "admin.sock", *arguments],
            stdin=far, stdout=far, stderr=far, start_new_session=True)
        os.close(far)
        self.text = ""

    def wait_for(self, pattern):
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.text, re.S):
            assert time.monotonic() < end, self.text
            if select.select([self.near], [], [], 1)[0]:
                self.text += self.read()

    def read(self):
        try:
            return os.read(self.near, 65536).decode()
        except OSError:  # nobody has the other end any more
            return ""

    def end(self, how):
        """Its exit code, and whether the terminal is as it was."""
        how(self)
        self.wait_for(r"\x1b\[\?25h\x1b\[\?1049l$")
        code = self.process.wait(DEADLINE_S)
        return code, termios.tcgetattr(self.near) == self.before


@pytest.mark.parametrize("how", [
    lambda terminal: os.write(terminal.near, b"q"),
    lambda terminal: terminal.process.send_signal(signal.SIGINT),
    lambda terminal: terminal.process.send_signal(signal.SIGTERM),
], ids=["q", "interrupt", "terminate"])
def test_top_shows_frames_until_it_is_ended_and_leaves_the_terminal_as_it_was(office, how):
    siplbd, *_ = office
    terminal = Terminal(siplbd.folder, "top")
    terminal.wait_for(r"\x1b\[\?1049h.*pbx/s1  ready.*\x1b\[H.*pbx/s1  ready")
    assert terminal.end(how) == (0, True)


def test_top_goes_on_when_siplbd_comes_again(office):
    siplbd, *_ = office
    terminal = Terminal(siplbd.folder, "top")
    terminal.wait_for(r"pbx/s1  ready")
    assert siplbd.end() == 0
    terminal.wait_for(r"no siplbd at")
    siplbd.start()
    terminal.wait_for(r"no siplbd at.*pbx/s1  ready")
    assert terminal.end(lambda it: os.write(it.near, b"q")) == (0, True)


def test_top_prints_an_object_each_second_for_machines(office):
    _, siplbctl, _, _ = office
    process = siplbctl.start("top", "--json")
    try:
        for _ in range(2):
            assert schema.parse(process.stdout.readline(), "top")["seconds"] > 0
    finally:
        process.terminate()
        process.communicate()
