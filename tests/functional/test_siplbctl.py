"""siplbctl against a running siplbd: what it shows, what it changes, and what it is refused."""

import os
import shutil
import stat

import pytest

from pool import Control, admin_of, server_of_new_request
from siplb import Daemon, Peer, addresses_of, configuration, group, listener, wait_until


def config_of(folder, servers, **group_options):
    """Every new call is a turn of its own, and nobody is probed."""
    return configuration(
        [listener()],
        [group(addresses_of(servers), policy="round-robin", **group_options)],
        admin=admin_of(folder), global_={"lanes": 1})


@pytest.fixture(name="pool")
def pool_fixture(tmp_path):
    with Peer() as one, Peer() as two, Peer() as client:
        with Daemon(tmp_path, config_of(tmp_path, [one, two])) as siplbd:
            yield siplbd, Control(tmp_path), [one, two], client


def choices(pool, prefix, count=10):
    siplbd, _, servers, client = pool
    return {servers.index(server_of_new_request(siplbd, client, servers, f"{prefix}-{i}"))
            for i in range(count)}


def test_a_drained_server_gets_no_new_work_until_it_is_ready_again(pool):
    _, siplbctl, *_ = pool
    assert choices(pool, "before") == {0, 1}
    assert "pbx/s1: drain" in siplbctl("set", "server", "pbx/s1", "state", "drain")
    wait_until(lambda: choices(pool, f"drained-{os.urandom(4).hex()}", 2) == {1}, "s1 drained")
    assert choices(pool, "drained") == {1}
    siplbctl("set", "server", "pbx/s1", "state", "ready")
    wait_until(lambda: 0 in choices(pool, f"again-{os.urandom(4).hex()}", 2), "s1 ready")


def test_a_weight_of_zero_is_as_good_as_drain(pool):
    _, siplbctl, *_ = pool
    siplbctl("set", "server", "pbx/s2", "weight", "0")
    wait_until(lambda: choices(pool, f"zero-{os.urandom(4).hex()}", 2) == {0}, "s2 without weight")
    assert choices(pool, "zero") == {0}
    assert siplbctl.servers()["s2"]["set_weight"] == 0


def test_what_was_set_outlives_a_restart(pool):
    siplbd, siplbctl, *_ = pool
    siplbctl("set", "server", "pbx/s1", "state", "maint")
    siplbctl("set", "server", "pbx/s2", "weight", "7")
    siplbd.kill()
    siplbd.start()
    servers = siplbctl.servers()
    assert servers["s1"]["state"] == "maint"
    assert (servers["s2"]["weight"], servers["s2"]["configured_weight"]) == (7, 100)
    assert choices(pool, "after") == {1}


def test_a_broken_state_file_keeps_nobody_from_starting(pool, tmp_path):
    siplbd, siplbctl, *_ = pool
    siplbctl("set", "server", "pbx/s1", "state", "drain")
    siplbd.kill()
    (tmp_path / "state").write_text("siplb-state 99\n")
    siplbd.start()
    assert siplbd.wait_event("state file ignored")["level"] == "warning"
    assert siplbctl.servers()["s1"]["state"] == "ready"
    assert (tmp_path / "state.bad").read_text() == "siplb-state 99\n"


def test_the_last_usable_server_is_taken_out_by_force_only(pool):
    _, siplbctl, *_ = pool
    siplbctl("set", "server", "pbx/s1", "state", "drain")
    refusal = siplbctl("set", "server", "pbx/s2", "state", "drain", code=1)
    assert "last usable server" in refusal and "--force" in refusal
    assert siplbctl.servers()["s2"]["state"] == "ready"
    siplbctl("set", "server", "pbx/s2", "state", "drain", "--force")
    assert siplbctl.servers()["s2"]["state"] == "drain"


def test_who_changes_something_is_logged(pool):
    siplbd, siplbctl, *_ = pool
    siplbctl("set", "server", "pbx/s1", "weight", "50")
    event = siplbd.wait_event("server set by operator")
    assert (event["group"], event["server"], event["weight"]) == ("pbx", "s1", "50")
    assert event["uid"] == str(os.getuid())


def test_shows_servers_to_people(pool):
    _, siplbctl, *_ = pool
    siplbctl("set", "server", "pbx/s1", "weight", "50")
    head, first, second, note = siplbctl("show", "servers").splitlines()
    assert head.split() == ["SERVER", "STATE", "HEALTH", "WEIGHT", "CALLS", "INFLIGHT", "SINCE",
                            "REASON"]
    assert (first.split()[0], first.split()[3]) == ("pbx/s1", "50*")
    assert second.split()[0] == "pbx/s2"
    assert note == "* set at run time"
    assert max(map(len, (head, first, second))) <= 80


def test_says_why_a_server_gets_no_new_work(pool):
    _, siplbctl, *_ = pool
    assert siplbctl("why-down", "pbx/s1") == "pbx/s1 gets new work.\n"
    siplbctl("set", "server", "pbx/s1", "state", "drain")
    assert siplbctl("why-down", "pbx/s1") == (
        "pbx/s1 gets no new work:\n  An operator drains it: no new work, dialogs go on.\n")
    wait_until(lambda: "operator" in siplbctl("show", "server", "pbx/s1"),
               "the change among the server's last ones")
    assert "drain, no calls remain" in siplbctl("show", "server", "pbx/s1")


def test_the_read_socket_only_shows(pool):
    _, siplbctl, *_ = pool
    assert "pbx/s1" in siplbctl("show", "servers", socket="read.sock")
    refusal = siplbctl("set", "server", "pbx/s1", "state", "drain", code=1, socket="read.sock")
    assert "only shows" in refusal
    assert siplbctl.servers()["s1"]["state"] == "ready"


def test_sockets_belong_to_the_owner_and_for_reading_to_the_group(pool, tmp_path):
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("admin.sock", "read.sock")]
    assert modes == [0o600, 0o660]
    siplbd = pool[0]
    siplbd.kill()  # leaves the files
    siplbd.start()
    assert "pbx/s1" in pool[1]("show", "servers")


def test_exit_codes_tell_what_happened(pool, tmp_path):
    _, siplbctl, *_ = pool
    assert "no server pbx/s9" in siplbctl("show", "server", "pbx/s9", code=1)
    siplbctl("set", "server", "pbx/s1", "state", "sleep", code=2)
    siplbctl("show", "servers", "--colour", code=2)
    assert "no siplbd at" in siplbctl("show", "servers", code=3, socket="nobody.sock")


def test_what_can_not_be_kept_does_not_happen(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    with Peer() as one, Peer() as two:
        config = config_of(tmp_path, [one, two])
        config["global"]["key_file"] = "kept/key"
        with Daemon(tmp_path, config):
            shutil.rmtree(kept)
            siplbctl = Control(tmp_path)
            refusal = siplbctl("set", "server", "pbx/s1", "state", "drain", code=1)
            assert "cannot write the state file" in refusal and "nothing has changed" in refusal
            assert siplbctl.servers()["s1"]["state"] == "ready"
