"""An idle siplbd sleeps: no polling, no ticking, no processor time."""

import os
import time
from pathlib import Path

from siplb import Daemon, SimulatedServers, configuration, group, listener, place_calls, wait_until

SPAN_S = 5
WAKEUPS_PER_SECOND = 5


def processor_seconds(siplbd):
    fields = Path(f"/proc/{siplbd.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def voluntary_switches(siplbd):
    """How often its threads went to sleep, all together."""
    count = 0
    for task in Path(f"/proc/{siplbd.process.pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                count += int(line.split()[1])
    return count


def is_quiet(siplbd):
    before = voluntary_switches(siplbd)
    time.sleep(0.2)  # a span to measure, not a wait for something
    return voluntary_switches(siplbd) - before <= 1


def test_idle_threads_sleep(tmp_path):
    with SimulatedServers(2) as servers:
        config = configuration([listener()], [group(servers.addresses)], workers=2)
        with Daemon(tmp_path, config) as siplbd:
            place_calls(siplbd, 200)  # idle after work, not only before
            wait_until(lambda: is_quiet(siplbd), "siplbd comes to rest")
            wakeups = siplbd.metrics().sum("siplb_loop_wakeups_total")
            switches, seconds = voluntary_switches(siplbd), processor_seconds(siplbd)
            time.sleep(SPAN_S)  # the span that is measured
            switches = voluntary_switches(siplbd) - switches
            seconds = processor_seconds(siplbd) - seconds
            wakeups = siplbd.metrics().sum("siplb_loop_wakeups_total") - wakeups
    assert wakeups < WAKEUPS_PER_SECOND * SPAN_S
    assert switches < WAKEUPS_PER_SECOND * SPAN_S
    assert seconds <= 1 / os.sysconf("SC_CLK_TCK"), "the kernel's count may just have turned over"
