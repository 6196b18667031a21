"""siplbd dies, or hangs, in the middle of calls: nobody who calls over UDP notices."""

import os
import signal
import time

import pytest

from siplb import wait_until
from threads import Stopped, thread_of
from traffic import STORED, Traffic, assert_all_well, serving_after

WATCHDOG_S = 3  # as in the unit
CRASHES_IN_A_ROW = 20


def kill(service):
    """SIGKILL. (the process, when)"""
    pid, begin = service.pid(), time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return pid, begin


def test_no_udp_call_fails_when_it_is_killed(service):
    with Traffic(service) as traffic:
        times = []
        for crash in range(1, 4):
            times.append(serving_after(*kill(service)))
            service.wait_restarts(crash)
            traffic.wait_calls(200)
        assert service.stored() == STORED
        udp, tcp = traffic.end()
    print(f"serving again {times} ms after SIGKILL; UDP: {udp['succeeded']} calls, "
          f"{udp['retransmissions']} retransmissions; TCP: {tcp['succeeded']} of {tcp['started']} "
          f"calls, whose connections break; {traffic.connector.connected} connected, "
          f"{len(traffic.connector.refused)} refused")
    assert_all_well(udp)
    assert tcp["stickiness_violations"] == 0 and tcp["succeeded"] > 0, tcp
    assert not traffic.connector.refused


def test_it_knows_the_calls_of_the_process_before(service):
    """Calls that were set up before the SIGKILL are counted after it, and end in order."""
    with Traffic(service, rate=20) as traffic:
        def calls():
            return service.metrics().sum("siplb_server_calls")
        wait_until(lambda: calls() >= 8, "calls")
        pid, _ = kill(service)
        serving_after(pid, 0)
        assert calls() >= 4
        udp, _ = traffic.end()
        assert_all_well(udp)
        wait_until(lambda: calls() == 0, "no call left over")


@pytest.mark.parametrize("comm", ["siplb-w1", "siplb-prober"])
def test_a_thread_that_hangs_is_the_end_of_its_process(service, comm):
    with Traffic(service, rate=50) as traffic:
        pid, begin = service.pid(), time.monotonic()
        with Stopped(thread_of(pid, comm)):
            took = serving_after(pid, begin)
        print(f"serving {took} ms after {comm} was stopped, WatchdogSec being {WATCHDOG_S} s")
        assert took < 2 * WATCHDOG_S * 1000
        assert service.events("thread hangs")[0]["thread"] == comm
        assert service.show("NRestarts") == "1"
        traffic.wait_calls(50)


def test_it_is_started_again_however_often_it_dies(service):
    with Traffic(service, rate=10):
        for crash in range(1, CRASHES_IN_A_ROW + 1):
            kill(service)
            service.wait_restarts(crash)
        assert service.stored() == STORED
