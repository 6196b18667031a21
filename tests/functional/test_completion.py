"""The completion of siplbctl in bash offers what siplbctl takes, and the servers that there are."""

import os
import re
import subprocess

import pytest

from pool import admin_of
from siplb import BIN, DEADLINE_S, ROOT, Daemon, configuration, group, listener

SCRIPT = ROOT / "packaging" / "completions" / "siplbctl"
COMPLETE = f"""
source {SCRIPT}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_siplbctl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(*words):
    """What stands behind siplbctl and these words; the last one is being typed."""
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", "siplbctl", *words],
                          capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                          env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
    assert done.stderr == ""
    return set(done.stdout.split())


def help_of(*verb):
    return subprocess.run([BIN / "siplbctl", *verb, "--help"], stdout=subprocess.PIPE, text=True,
                          timeout=DEADLINE_S, check=True).stdout


def verbs_in(text):
    return set(re.findall(r"^  ([a-z][a-z-]*) ", text.partition("Subcommands:")[2], re.M))


def all_verbs():
    for first in sorted(verbs_in(help_of())):
        yield from ([first, word] for word in sorted(verbs_in(help_of(first))) or [""])


def test_offers_all_verbs():
    assert offered("") == verbs_in(help_of())
    for first in ("show", "set"):
        assert offered(first, "") == verbs_in(help_of(first))
    assert offered("sh") == {"show"}


@pytest.mark.parametrize("verb", all_verbs(), ids=" ".join)
def test_offers_all_options_of_a_verb(verb):
    words = [word for word in verb if word]
    options = set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", help_of(*words), re.M))
    assert offered(*words, "--") == options | {"--socket", "--json"}


def test_offers_servers_that_there_are(tmp_path):
    config = configuration([listener()], [group([("127.0.0.1", 9), ("127.0.0.1", 10)])],
                           admin=admin_of(tmp_path))
    socket = ("--socket", str(tmp_path / "admin.sock"))
    with Daemon(tmp_path, config):
        for verb in (("show", "server"), ("set", "server"), ("why-down",)):
            assert offered(*socket, *verb, "") == {"pbx/s1", "pbx/s2"}
        assert offered(*socket, "why-down", "pbx/s2") == {"pbx/s2"}
        assert offered(*socket, "trace", "--server", "") == {"pbx/s1", "pbx/s2"}
    assert offered(*socket, "why-down", "") == set()


def test_offers_what_a_server_can_be_set_to():
    assert offered("set", "server", "pbx/s1", "") == {"state", "weight"}
    assert offered("set", "server", "pbx/s1", "state", "") == {"ready", "drain", "maint"}
    assert offered("set", "server", "pbx/s1", "weight", "") == set()
    assert offered("reload", "--state", "") == {"reset"}
    assert offered("show", "events", "--last", "") == set()
    assert offered("route-test", "--transport", "") == {"udp", "tcp"}
    assert offered("route-test", "--uri", "sip:a", "--t") == {"--to", "--transport"}


def test_offers_files_to_check(tmp_path):
    (tmp_path / "siplb.yaml").touch()
    assert offered("check", f"{tmp_path}/si") == {f"{tmp_path}/siplb.yaml"}
