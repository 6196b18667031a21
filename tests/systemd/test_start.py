"""How the service starts: with a good file, with a bad one, and in its sandbox."""

import json
import os
import re
import signal

import pytest

from siplb import SimulatedServers, host_port, wait_until
from traffic import LANES, STORED, Callers, config_for

EXPOSURE_MAX = 2.0
BAD = "listeners: [{name: main, adress: '127.0.0.1:5060'}]\n"


def test_exposure_is_low(service):
    report = service.machine.run("systemd-analyze", "security", "--no-pager", service.UNIT,
                                 check=False).stdout
    exposure = re.search(r"Overall exposure level for siplb.service: ([\d.]+) .*", report)
    print(exposure[0])
    assert float(exposure[1]) <= EXPOSURE_MAX, report


def threads(pid):
    """(name, number) of each thread."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as comm:
            yield comm.read().strip(), int(task)


def may_raise_limits():
    """Whether systemd can give what LimitRTPRIO says: containers often may not."""
    cap_sys_resource = 1 << 24
    with open("/proc/self/status", encoding="ascii") as status:
        return bool(int(re.search(r"CapEff:\s+(\w+)", status.read())[1], 16) & cap_sys_resource)


def test_it_does_all_of_its_work_in_its_sandbox(service):
    machine = service.machine
    if not may_raise_limits():  # what the limit would allow; the rest of the sandbox is as it is
        service.drop_in(CapabilityBoundingSet="CAP_SYS_NICE", AmbientCapabilities="CAP_SYS_NICE")
    with machine.network(), SimulatedServers(2) as servers:
        config = config_for(servers.addresses)
        config["groups"][0]["health"] = {"interval": "200ms"}
        service.start(config)
        for transport in ("udp", "tcp"):
            figures = Callers("--calls", 100, "--window", 8, "--transport", transport).end_of_all()
            assert figures["succeeded"] == 100, figures
        wait_until(lambda: service.metrics().sum("siplb_probes_total", result="answered") > 0,
                   "a probe")
        assert service.metrics().sum("siplb_conservation_difference") == 0

    pid = service.pid()
    by_name = dict(threads(pid))
    if len(os.sched_getaffinity(0)) >= 2:
        for worker in ("siplb-w0", "siplb-w1"):
            assert len(os.sched_getaffinity(by_name[worker])) == 1, "workers are pinned"
    policy = os.sched_getscheduler(by_name["siplb-prober"]) & ~os.SCHED_RESET_ON_FORK
    assert policy == os.SCHED_FIFO
    key = machine.path("/var/lib/siplb/key").stat()
    assert (key.st_mode & 0o777, key.st_uid) == (0o600, os.stat(f"/proc/{pid}").st_uid)
    assert key.st_uid != 0
    for socket in ("admin.sock", "read.sock"):
        shown = machine.run("/usr/local/sbin/siplbctl", "--socket", f"/run/siplb/{socket}",
                            "--json", "show", "servers")
        assert len(json.loads(shown.stdout)["servers"]) == 2
    machine.run("/usr/local/sbin/siplbctl", "set", "server", "pbx/s1", "state", "drain")
    complaints = [line for line in service.journal().splitlines()
                  if line.startswith(("warning:", "error:")) and "remedy=" not in line]
    assert not complaints


def test_systemd_knows_how_it_is(service):
    with service.machine.network(), SimulatedServers(2) as servers:
        service.start(config_for(servers.addresses))
        assert service.show("SubState") == "running"
        wait_until(lambda: service.show("StatusText").startswith(
            "serving: 2 of 2 servers up, 0 calls"), "a status line")
        wait_until(lambda: re.search(r", self-probe \d+ ms$", service.show("StatusText")),
                   "a self-probe")
        assert int(service.show("WatchdogTimestampMonotonic")) > 0
        service.machine.run("/usr/local/sbin/siplbctl", "drain")
        wait_until(lambda: service.show("StatusText").startswith("draining: 2 of 2 servers up"),
                   "a status line that says so")


def test_store_keeps_sockets_that_had_errors(service):
    """Requests to a port that nobody has: the ICMP errors come to the sockets of the listener."""
    with service.machine.network():
        service.start(config_for([("127.0.0.1", 5999)]))
        assert service.stored() == STORED
        refused = Callers("--calls", 10 * LANES, "--window", 8, "--sources", 32).end_of_all()
        assert refused["failed"] == 10 * LANES
        errors = service.metrics().sum("siplb_icmp_errors_total")
        print(f"{errors:.0f} ICMP errors")
        assert errors > 0
        assert service.stored() == STORED
    os.kill(service.pid(), signal.SIGKILL)
    service.wait_restarts(1)
    assert service.stored() == STORED


def test_bad_file_is_the_operators_to_mend(service):
    service.write(BAD)
    assert service.systemctl("start", check=False).returncode != 0
    assert service.show("ActiveState") == "failed"
    assert (service.show("ExecMainStatus"), service.show("NRestarts")) == ("78", "0")
    assert "siplb.yaml:1:26: unknown key 'adress' (did you mean 'address'?)" in service.journal()


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_bad_file_does_not_end_what_runs(service, how):
    """What ran last goes on, and says so everywhere until the file is mended."""
    with service.machine.network(), SimulatedServers(2) as servers:
        good = config_for(servers.addresses)
        service.start(good)
        assert service.metrics().sum("siplb_config_stale") == 0
        service.write(BAD)
        if how == "restart":
            service.systemctl("restart")
        else:
            os.kill(service.pid(), signal.SIGKILL)
            service.wait_restarts(1)
        assert service.metrics().sum("siplb_config_stale") == 1
        assert service.stored() == STORED
        assert service.events("configuration is stale")[0]["priority"] == "3"
        wait_until(lambda: service.show("StatusText").startswith("serving the last good"), "status")
        figures = Callers("--calls", 50, "--window", 8).end_of_all()
        assert figures["succeeded"] == 50, figures

        service.write(good)
        service.systemctl("restart")
        assert service.metrics().sum("siplb_config_stale") == 0


def test_bad_file_after_a_stop_is_not_passed_over(service):
    """Nothing runs that anybody relies on: then the file is what counts."""
    service.start(config_for([("127.0.0.1", 5999)]))
    service.systemctl("stop")
    service.write(BAD)
    assert service.systemctl("start", check=False).returncode != 0
    assert service.show("ExecMainStatus") == "78"


def test_paths_of_the_last_good_file_start_where_they_did(service):
    """Its key stands beside the file, not beside the copy that is kept."""
    service.write(BAD)
    config = config_for([("127.0.0.1", 5999)])
    config["global"]["key_file"] = "key"
    service.machine.path("/etc/siplb/key").write_text("00" * 16 + "\n")
    os.chown(service.machine.path("/etc/siplb/key"),
             *[service.machine.path("/var/lib/siplb").stat().st_uid] * 2)
    os.chmod(service.machine.path("/etc/siplb/key"), 0o600)
    service.start(config)
    fingerprint = service.events("key loaded")[0]["fingerprint"]
    service.write(BAD)
    service.systemctl("restart")
    assert [event["fingerprint"] for event in service.events("key loaded")] == [fingerprint] * 2
    assert host_port(("127.0.0.1", 5999)) in service.machine.path(
        "/var/lib/siplb/last-good.yaml").read_text()
