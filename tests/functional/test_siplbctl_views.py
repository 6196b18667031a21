"""What siplbctl shows of a running siplbd: tables for people, and JSON by its schema."""

import json
import re

import pytest

import schema
from pool import Control, admin_of, events_of
from siplb import (Daemon, Peer, addresses_of, configuration, group, listener, set_up_call,
                   wait_until, write_config)
from streams import StreamPeer

VIEWS = ["servers", "groups", "listeners", "workers", "connections", "memory", "events", "key"]


@pytest.fixture(name="office")
def office_fixture(tmp_path):
    """siplbd with a call under way, and a client that is connected."""
    with Peer() as client, Peer() as one, Peer() as two:
        config = configuration(
            [listener(transports=["udp", "tcp"])],
            [group(addresses_of([one, two]), policy="round-robin")],
            admin=admin_of(tmp_path), limits={"connections_per_source": 2}, workers=2)
        with Daemon(tmp_path, config) as siplbd:
            set_up_call(client, siplbd.address, [one, two], "call")
            yield siplbd, Control(tmp_path)


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_a_table_for_people_and_json_by_schema(office, view):
    _, siplbctl = office
    lines = siplbctl("show", view).splitlines()
    print(*lines, sep="\n")
    assert lines
    if view != "events":  # these are lines of the log
        assert max(map(len, lines)) <= 80
    assert not any(line != line.rstrip() for line in lines)
    assert siplbctl.json(view, "show", view)
    assert siplbctl("show", view, socket="read.sock")


def test_shows_the_work_of_a_call(office):
    siplbd, siplbctl = office
    [pbx] = siplbctl.json("groups", "show", "groups")["groups"]
    assert (pbx["name"], pbx["servers"], pbx["taking_new_work"], pbx["calls"]) == ("pbx", 2, 2, 1)
    [main] = siplbctl.json("listeners", "show", "listeners")["listeners"]
    assert main["address"] == "%s:%d" % siplbd.address
    assert main["transports"] == ["udp", "tcp"]
    workers = siplbctl.json("workers", "show", "workers")["workers"]
    assert len(workers) == 2
    assert sum(worker["messages"]["forwarded"] for worker in workers) == 3  # INVITE, 200, ACK
    memory = siplbctl.json("memory", "show", "memory")
    assert sum(each["bytes"] for each in memory["consumers"]) == memory["sum_bytes"]
    assert memory["limit_bytes"] == 128 * 1024 ** 2


def test_shows_connections_and_who_may_have_no_more(office):
    siplbd, siplbctl = office
    assert "Nobody is connected" in siplbctl("show", "connections")
    assert siplbctl("bans") == "Nobody is refused.\n"
    assert siplbctl.json("bans", "bans") == {"bans": []}
    with StreamPeer(siplbd.address), StreamPeer(siplbd.address):
        wait_until(lambda: siplbctl.json("bans", "bans")["bans"], "the source at its limit")
        view = siplbctl.json("connections", "show", "connections")
        assert view["by_transport"] == [{"transport": "tcp", "accepted": 2, "opened": 0}]
        assert view["by_listener"] == [{"listener": "main", "accepted": 2, "opened": 0}]
        assert sum(worker["accepted"] for worker in view["by_worker"]) == 2
        assert view["busiest"] == [{"source": "127.0.0.1", "connections": 2}]
        assert re.search(r"^127\.0\.0\.1 +2$", siplbctl("show", "connections"), re.M)
        [ban] = siplbctl.json("bans", "bans")["bans"]
        assert (ban["source"], ban["count"], ban["limit"]) == ("127.0.0.1", 2, 2)
        assert "127.0.0.1  connections_per_source  2 of 2" in siplbctl("bans")


def test_shows_the_last_events_and_follows_those_that_come(office):
    siplbd, siplbctl = office
    names = [event["event"] for event in siplbctl.json("events", "show", "events")["events"]]
    assert names == [event["event"] for event in siplbd.events][-50:]
    assert len(siplbctl("show", "events", "--last", "1").splitlines()) == 1
    follower = siplbctl.start("show", "events", "--last", "0", "--follow", "--json")
    try:
        siplbctl("set", "server", "pbx/s1", "weight", "7")
        event = json.loads(follower.stdout.readline())
        assert (event["event"], event["weight"]) == ("server set by operator", "7")
    finally:
        follower.terminate()
        follower.communicate()


def test_shows_of_the_key_its_fingerprint_only(office):
    siplbd, siplbctl = office
    [loaded] = events_of(siplbd, "key loaded")
    key = siplbctl.json("key", "show", "key")
    assert key["fingerprint"] == loaded["fingerprint"]
    assert 0 <= key["age_seconds"] < 600
    secret = (siplbd.folder / "key").read_text().strip()
    assert secret not in siplbctl("show", "key") + siplbctl("dump")


def test_dump_holds_all_that_helps_and_no_secret(office):
    siplbd, siplbctl = office
    with siplbd.file.open("a") as file:
        file.write("# password: hunter2\n")
    text = siplbctl("dump")
    titles = re.findall(r"^==== (.*)$", text, re.M)
    assert titles == ["status", "servers", "groups", "listeners", "workers", "connections", "bans",
                      "memory", "key", "events", "metrics", "configuration", "limits", "host",
                      "doctor"]
    assert "hunter2" not in text
    assert "siplb_build_info" in text
    dump = schema.parse(siplbctl("dump", "--json"), "dump")
    assert dump["status"]["pid"] == siplbd.process.pid
    assert dump["status"]["config_file"] == str(siplbd.file)


def test_check_says_what_siplbd_says(tmp_path):
    siplbctl = Control(tmp_path)
    good = tmp_path / "good.yaml"
    write_config(good, configuration([listener()], [group([("127.0.0.1", 9)])]))
    assert "sum" in siplbctl("check", str(good))
    code, out, _ = siplbctl.run("check", str(good), "--json")
    assert (code, schema.parse(out, "check")["good"]) == (0, True)
    bad = tmp_path / "bad.yaml"
    bad.write_text("listeners: 7\ngroups: []\n")
    assert re.search(r"bad\.yaml:1:\d+: ", siplbctl("check", str(bad), code=1))
    code, out, _ = siplbctl.run("check", str(bad), "--json")
    report = schema.parse(out, "check")
    assert (code, report["good"]) == (1, False)
    assert any("bad.yaml:1:" in fault for fault in report["faults"])


@pytest.mark.parametrize("is_running", [True, False])
def test_doctor_works_with_a_daemon_and_without(tmp_path, is_running):
    siplbctl = Control(tmp_path)
    config = configuration([listener()], [group([("127.0.0.1", 9)])], admin=admin_of(tmp_path))
    if is_running:
        with Daemon(tmp_path, config):
            code, out, errors = siplbctl.run("doctor", "--json")
            text = siplbctl.run("doctor")[1]
    else:
        code, out, errors = siplbctl.run("doctor", "--json")
        text = siplbctl.run("doctor")[1]
    print(text)
    checks = schema.parse(out, "doctor")["checks"]
    assert errors == ""
    assert code == (0 if all(check["good"] for check in checks) else 1)
    assert ("descriptors" in [check["check"] for check in checks]) == is_running
    for check in checks:
        assert ("ok    " if check["good"] else "WARN  ") + check["text"] in text
        assert check["good"] or f"      remedy: {check['remedy']}" in text


def test_every_verb_needs_a_daemon_but_those_that_do_not(tmp_path):
    siplbctl = Control(tmp_path)
    for verb in (["show", view] for view in VIEWS):
        assert "no siplbd at" in siplbctl(*verb, code=3)
    for verb in (["bans"], ["drain"], ["drain", "--wait"], ["reload"], ["top", "--once"],
                 ["show", "events", "--follow"], ["why-down", "pbx/s1"]):
        assert "no siplbd at" in siplbctl(*verb, code=3)
    code, out, errors = siplbctl.run("dump")
    assert (code, "==== doctor" in out, "no siplbd at" in errors) == (3, True, True)
