"""siplb-load against siplb-load over TCP: what the other tests and benchmarks measure with."""

import json
import signal
import subprocess
from contextlib import contextmanager

import pytest

from siplb import BIN, DEADLINE_S


@contextmanager
def servers(*options, count=1):
    """Addresses of simulated servers; `totals` is theirs once they have ended."""
    process = subprocess.Popen(
        [BIN / "siplb-load", "serve", "--listen", "127.0.0.1:0", "--count", str(count),
         "--transport", "tcp", "--json", *options],
        stdout=subprocess.PIPE, text=True)
    run = {"addresses": [server["address"]
                         for server in json.loads(process.stdout.readline())["servers"]]}
    try:
        yield run
    finally:
        process.send_signal(signal.SIGTERM)
        run["totals"] = json.loads(process.communicate(timeout=DEADLINE_S)[0])
        assert process.returncode == 0


def call(address, *options):
    done = subprocess.run(
        [BIN / "siplb-load", "call", "--to", address, "--transport", "tcp", "--json", *options],
        stdout=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=False)
    figures = json.loads(done.stdout)
    assert (done.returncode == 0) == figures["ok"]
    return figures


@pytest.mark.parametrize("how, opened", [
    (["--connections", "7"], 7),
    (["--connection-per-call"], 200),
    (["--connections", "3", "--sources", "2", "--mix", "options"], 3),
])
def test_all_calls_succeed_however_they_use_connections(how, opened):
    with servers(count=2) as run:
        figures = call(run["addresses"][1], "--calls", "200", "--window", "20", *how)
    assert figures["ok"] and figures["succeeded"] == 200
    assert figures["retransmissions"] == figures["strays"] == 0
    assert figures["connections"]["opened"] == opened
    assert figures["connections"]["lost"] == figures["connections"]["garbled"] == 0
    assert figures["servers"] == {"s2": 200}
    assert run["totals"]["connections"]["accepted"] == opened


def test_calls_wait_for_a_server_that_reads_slowly():
    with servers("--slow-read", "5000") as run:
        figures = call(run["addresses"][0], "--calls", "10", "--window", "10")
    assert figures["ok"]
    assert figures["elapsed_s"] > 0.5, "10 INVITEs are more than 2,500 octets"


def test_a_stuck_connection_fails_its_calls_only():
    with servers() as run:
        process = subprocess.Popen(
            [BIN / "siplb-load", "call", "--to", run["addresses"][0], "--transport", "tcp",
             "--json", "--mix", "options", "--connections", "4", "--stuck", "1", "--calls", "400",
             "--rate", "1000", "--table"],
            stdout=subprocess.PIPE, text=True)
        # The row in which all have started; those of the stuck connection would wait 32 s.
        next(line for line in process.stdout if line.split()[1] == "400")
        process.send_signal(signal.SIGTERM)
        next(process.stdout)  # The next row: that signal was seen, and another one counts.
        process.send_signal(signal.SIGTERM)
        figures = json.loads(process.communicate(timeout=DEADLINE_S)[0].splitlines()[-1])
    assert figures["succeeded"] == 300
    assert figures["in_flight"] == 100


def test_calls_fail_at_once_when_their_connection_is_reset():
    with servers("--fault", "s2:reset-every=2", count=2) as run:
        figures = call(run["addresses"][1], "--calls", "5")
        assert call(run["addresses"][0], "--calls", "5")["ok"], "the other server is well"
    assert figures["failures"] == {"disconnected": 5}, "each BYE finds its connection reset"
    assert figures["elapsed_s"] < 5
    assert run["totals"]["connections"]["reset"] == 5


def test_calls_fail_at_once_where_nobody_listens():
    with servers() as run:
        address = run["addresses"][0]
    figures = call(address, "--calls", "3")
    assert figures["failures"] == {"disconnected": 3}
    assert figures["connections"]["refused"] == 3
