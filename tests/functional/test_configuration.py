"""Mistakes on the command line and in the file: what is said, and that nothing is left behind.

That all documented configurations are accepted: tests/tools/test_docs.py.
"""

import re
import socket
import subprocess

import pytest

from siplb import BIN, DEADLINE_S, Daemon, Peer, configuration, group, listener

FOUND_BY_CHECK, USAGE, CONFIGURATION = 1, 2, 78
START_FAILED = 1

GOOD = """\
global: {key_file: key, workers: 1, memory: 128MiB}
listeners:
  - {name: main, address: "127.0.0.1:0"}
groups:
  - name: pbx
    servers: [{name: s1, uri: "sip:127.0.0.1:5071"}]
metrics: {address: "127.0.0.1:0"}
"""

# what it is, what of GOOD is replaced, by what, and what siplbd says, after the file's name
MISTAKES = [
    ("unknown key", 'address: "127.0.0.1:0"}\ng', 'adress: "127.0.0.1:0"}\ng',
     "3:18: unknown key 'adress' (did you mean 'address'?)"),
    ("repeated key", "metrics:", "global: {workers: 2}\nmetrics:", "7:1: "),
    ("missing key", ', address: "127.0.0.1:0"}\ng', "}\ng", "3:5: 'address' is missing"),
    ("wrong type", "workers: 1", "workers: many",
     "1:34: 'workers' takes auto or a number from 1 to 64, not 'many'"),
    ("quoted number", "workers: 1", 'workers: "1"', "1:34: 'workers' takes "),
    ("out of bounds", "workers: 1", "workers: 65", "1:34: 'workers' takes "),
    ("list for a map", '{address: "127.0.0.1:0"}\n', "[off]\n", "7:10: 'metrics' takes "),
    ("anchor", "name: pbx", "name: &a pbx", "5:11: anchors are not allowed: '&a'"),
    ("tag", "name: pbx", "name: !t pbx", "5:11: tags are not allowed: '!t'"),
    ("no YAML", "groups:", "groups: [", "no valid YAML: "),
    ("dangling name", "metrics:", "routes: [{name: r, group: pbxx}]\nmetrics:",
     "7:27: there is no group 'pbxx' (did you mean 'pbx'?)"),
    ("collision", 'uri: "sip:127.0.0.1:5071"}',
     'uri: "sip:127.0.0.1:5071"}, {name: s1, uri: "sip:127.0.0.1:5072"}', "name 's1' is taken"),
    ("later key", "key_file: key", "key_file: key, key_file_previous: old",
     "1:44: 'key_file_previous' is not yet supported"),
    ("no expression", "metrics:",
     "routes: [{name: r, match: {request_user: '~^(0'}, group: pbx}]\nmetrics:",
     "7:42: '~^(0': missing ): ^(0"),
    ("later value", 'address: "127.0.0.1:0"}\ng',
     'address: "127.0.0.1:0", transports: [tls]}\ng', "3:55: 'tls' is not yet supported"),
    ("above the ceiling", "metrics:", "limits: {calls: 100000000}\nmetrics:",
     ": global.memory is 128MiB, but "),
]


def siplbd(*arguments):
    return subprocess.run([BIN / "siplbd", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def refusal(folder, text, *arguments):
    """(exit code, what it says) of a siplbd that must refuse `text` and leave nothing behind."""
    file = folder / "siplb.yaml"
    file.write_text(text)
    run = siplbd("--config", file, *arguments)
    assert [path.name for path in folder.iterdir()] == ["siplb.yaml"], "something was made"
    return run.returncode, run.stderr


@pytest.mark.parametrize("replaced, by, said", [mistake[1:] for mistake in MISTAKES],
                         ids=[mistake[0] for mistake in MISTAKES])
def test_mistake_is_named_at_its_place(tmp_path, replaced, by, said):
    assert GOOD.count(replaced) == 1
    text = GOOD.replace(replaced, by)
    checked, message = refusal(tmp_path, text, "--check")
    assert checked == FOUND_BY_CHECK
    assert said in message
    for line in message.splitlines():
        assert re.match(rf"{re.escape(str(tmp_path / 'siplb.yaml'))}(:\d+:\d+)?: \S", line), line
    started, repeated = refusal(tmp_path, text)
    assert (started, repeated) == (CONFIGURATION, message)


def test_all_mistakes_are_told_at_once(tmp_path):
    text = GOOD
    for _, replaced, by, _ in MISTAKES[3:4] + MISTAKES[6:8]:
        text = text.replace(replaced, by)
    _, message = refusal(tmp_path, text, "--check")
    places = re.findall(r"siplb\.yaml:(\d+):", message)
    assert places == ["1", "5", "7"]


def test_missing_and_empty_files_are_refused(tmp_path):
    missing = tmp_path / "missing.yaml"
    assert siplbd("--check", "--config", missing).returncode == FOUND_BY_CHECK
    run = siplbd("--config", missing)
    assert run.returncode == CONFIGURATION
    assert str(missing) in run.stderr
    assert refusal(tmp_path, "", "--check")[0] == FOUND_BY_CHECK


def test_check_prints_the_memory_table_and_makes_nothing(tmp_path):
    file = tmp_path / "siplb.yaml"
    file.write_text(GOOD)
    run = siplbd("--check", "--config", file)
    assert (run.returncode, run.stderr) == (0, "")
    for consumer in ("slots-small", "affinity-calls", "send-queues", "sum"):
        assert re.search(rf"^ *{consumer} +[\d.]+ MiB", run.stdout, re.M), run.stdout
    assert run.stdout.endswith(f"{file}: good\n")
    assert [path.name for path in tmp_path.iterdir()] == ["siplb.yaml"]


@pytest.mark.parametrize("arguments", [["--unknown"], ["extra"], ["--config"]])
def test_wrong_usage_exits_2(arguments):
    assert siplbd(*arguments).returncode == USAGE


def test_version_is_told():
    run = siplbd("--version")
    assert run.returncode == 0
    assert re.fullmatch(r"siplbd \d+\.\d+\.\d+\n", run.stdout)


def test_second_daemon_does_not_share_the_address(tmp_path):
    config = configuration([listener()], [group([("127.0.0.1", 9)])])
    with Daemon(tmp_path, config) as running:
        config["listeners"][0]["address"] = "127.0.0.1:%d" % running.address[1]
        (tmp_path / "other").mkdir()
        with pytest.raises(AssertionError, match="no event 'ready'") as failed:
            Daemon(tmp_path / "other", config)
        assert "listener main (127.0.0.1:" in str(failed.value)
        assert siplbd("--check", "--config", tmp_path / "other" / "siplb.yaml").returncode == 0


def assert_start_fails(folder, text, subject):
    file = folder / "siplb.yaml"
    file.write_text(text)
    run = siplbd("--config", file)
    assert run.returncode == START_FAILED
    assert subject in run.stderr


def test_listener_in_use_fails_the_start(tmp_path):
    with Peer() as other:
        port = other.address[1]
        assert_start_fails(tmp_path, GOOD.replace("main, address: \"127.0.0.1:0",
                                                  f"main, address: \"127.0.0.1:{port}"),
                           f"listener main (127.0.0.1:{port})")


def test_metrics_address_in_use_fails_the_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert_start_fails(tmp_path, GOOD.replace("metrics: {address: \"127.0.0.1:0",
                                                  f"metrics: {{address: \"127.0.0.1:{port}"),
                           f"metrics (127.0.0.1:{port})")


@pytest.mark.parametrize("content", ["", "short\n", "g" * 32 + "\n", "0" * 33 + "\n"])
def test_bad_key_file_is_a_configuration_fault(tmp_path, content):
    file, key = tmp_path / "siplb.yaml", tmp_path / "key"
    file.write_text(GOOD)
    key.write_text(content)
    run = siplbd("--config", file)
    assert run.returncode == CONFIGURATION
    assert f"key file {key}" in run.stderr
    assert key.read_text() == content


def test_key_file_is_made_once_and_for_its_owner_only(tmp_path):
    config = configuration([listener()], [group([("127.0.0.1", 9)])])
    with Daemon(tmp_path, config) as siplb:
        key = tmp_path / "key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert re.fullmatch(r"[0-9a-f]{32}\n", first := key.read_text())
        fingerprint = siplb.wait_event("key loaded")["fingerprint"]
        siplb.kill()
        siplb.start()
        assert key.read_text() == first
        assert siplb.wait_event("key loaded")["fingerprint"] == fingerprint
