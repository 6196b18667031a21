"""How siplbd ends, and what does not end it."""

import signal
import time

import pytest

from siplb import (Daemon, Peer, SimulatedServers, configuration, group, listener, place_calls,
                   set_up_call)

ENDS_WITHIN_S = 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ends_at_once_and_well(tmp_path, how):
    with SimulatedServers(2) as servers:
        config = configuration([listener()], [group(servers.addresses)], workers=2)
        with Daemon(tmp_path, config) as siplbd:
            place_calls(siplbd, 100)
            siplbd.assert_conserved()
            signalled = time.monotonic()
            assert siplbd.end(how) == 0
            assert time.monotonic() - signalled < ENDS_WITHIN_S
            assert [event["event"] for event in siplbd.events[-2:]] == ["stopping", "stopped"]


@pytest.mark.parametrize("harmless", [signal.SIGHUP, signal.SIGPIPE])
def test_does_not_end(tmp_path, harmless):
    with Peer() as client, Peer() as server:
        with Daemon(tmp_path, configuration([listener()], [group([server.address])])) as siplbd:
            siplbd.process.send_signal(harmless)
            if harmless == signal.SIGHUP:
                siplbd.wait_event("reloaded")
            set_up_call(client, siplbd.address, [server], "still-there")
            assert siplbd.process.poll() is None
