"""The kernel gives responses to the lane of their call, and nothing depends on it."""

import ctypes
import os
import subprocess
import threading
from pathlib import Path

import pytest

from siplb import Daemon, SimulatedServers, configuration, group, listener, place_calls

CALLS = 2_000
CLONE_NEWNET = 0x40000000
OPTMEM_MAX = Path("/proc/sys/net/core/optmem_max")


def run_calls(folder):
    """The attached gauge, what became of the calls, and the share handed over, by kind."""
    with SimulatedServers(4) as servers:
        config = configuration([listener()], [group(servers.addresses)], workers=2,
                               global_={"lanes": 8})
        with Daemon(folder, config) as siplbd:
            code, figures = place_calls(siplbd, CALLS)
            assert code == 0, figures
            metrics = siplbd.metrics()
            shares = {}
            for kind in ("request", "response"):
                handed = metrics.sum("siplb_messages_handed_over_total", kind=kind)
                shares[kind] = handed / metrics.sum("siplb_messages_received_total", kind=kind)
                print(f"{kind}s handed over: {shares[kind]:.2%}")
            attached = metrics.sum("siplb_steering_attached", listener="main")
            warned = [event for event in siplbd.events
                      if event["event"] == "steering not attached"]
            return attached, warned, figures, shares


def in_network_where(steering_room, work):
    """work() on a thread in a network namespace of its own, whose kernel has so much room for
    programs. Processes that it starts live there too."""
    outcome = []

    def run():
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            outcome.append(f"no network namespace: {os.strerror(ctypes.get_errno())}")
            return
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        try:
            OPTMEM_MAX.write_text(str(steering_room))
        except OSError as error:  # Linux before 6.9 has one for all networks
            outcome.append(f"this kernel has no optmem_max for each network: {error}")
            return
        outcome.append(work())
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert outcome, "see the exception of the thread"
    if isinstance(outcome[0], str):
        pytest.skip(outcome[0])
    return outcome[0]


def expect_dealt(share):
    """As a hash deals to 8 lanes: 7 of 8 elsewhere, but the sources are only 16."""
    assert 0.6 < share < 1, share


def test_responses_reach_the_lane_of_their_call(tmp_path):
    attached, warned, _, shares = run_calls(tmp_path)
    assert attached == 1
    assert not warned
    assert shares["response"] < 0.01
    expect_dealt(shares["request"])


def test_calls_are_the_same_where_the_kernel_does_not_steer(tmp_path):
    attached, [warning], figures, shares = in_network_where(4096, lambda: run_calls(tmp_path))
    assert attached == 0
    assert warning["listener"] == "main"
    assert "Cannot allocate memory" in warning["reason"]
    assert figures["succeeded"] == CALLS, figures
    expect_dealt(shares["response"])
    expect_dealt(shares["request"])
