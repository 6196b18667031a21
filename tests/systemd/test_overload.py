"""Ten times what siplbd can take, for a minute: it sheds, and serves again; nobody restarts it."""

import os
import re
import subprocess
from pathlib import Path

from siplb import SimulatedServers, host_port, wait_until
from traffic import LISTENER, Callers, config_for

FLOOD = Path(__file__).with_name("flood")
SECONDS = 60
TIMES = 10
CAPACITY_S = 3


def capacity():
    """How many calls a second it carries when callers wait for it."""
    figures = Callers("--duration", f"{CAPACITY_S}s", "--window", 128,
                      "--sources", 32).end_of_all()
    assert figures["succeeded"] == figures["started"], figures
    return figures["succeeded"] / CAPACITY_S


def flood():
    """How many calls a second were begun."""
    command = [FLOOD, host_port(LISTENER), "INVITE", str(SECONDS)]
    floods = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
              for _ in range(max(1, len(os.sched_getaffinity(0)) // 2))]
    return sum(int(each.communicate(timeout=2 * SECONDS)[0]) for each in floods) / SECONDS


def test_overload_is_no_reason_to_restart(service):
    with service.machine.network(), SimulatedServers(4) as servers:
        config = config_for(servers.addresses)
        config["global"]["workers"] = 1
        service.start(config)
        pid = service.pid()
        carried = capacity()
        before = service.metrics()
        begun = flood()
        after = service.metrics()

        def gain(name, **labels):
            return round(after.sum(name, **labels) - before.sum(name, **labels))
        print(f"{carried:.0f} calls a second undisturbed; then {begun:.0f} begun, "
              f"{begun / carried:.1f} times as many, for {SECONDS} s: "
              f"{gain('siplb_requests_total', method='INVITE')} requests taken, of which "
              f"{gain('siplb_messages_answered_total', code='503')} were answered with 503, "
              f"{gain('siplb_kernel_drops_total')} datagrams dropped by the kernel; self-probes: "
              f"{gain('siplb_self_probes_total', result='lost')} lost, "
              f"{gain('siplb_self_probes_total', result='answered')} answered")
        assert begun >= TIMES * carried
        assert (service.pid(), service.show("NRestarts")) == (pid, "0")
        assert not service.events("thread hangs")
        assert after.sum("siplb_server_up") == 4
        assert after.sum("siplb_conservation_difference") == 0

        wait_until(lambda: re.search(r", self-probe \d+ ms$", service.show("StatusText")),
                   "an answer to itself")
        def calls_succeed():
            figures = Callers("--calls", 50, "--window", 8).end_of_all()
            return figures["succeeded"] == 50
        wait_until(calls_succeed, "calls that succeed")
        assert service.pid() == pid
