"""systemctl reload in the middle of calls: what the file says changes, and no call notices."""

from pathlib import Path

import pytest

from siplb import Peer, wait_until
from traffic import STORED, Traffic, assert_all_well, config_for

RELOADS = 100
GROWTH_MAX_KIB = 8192  # of memory in use, from the tenth reload to the last: noise of the allocator


def reload(service):
    """Returns when it is done."""
    done = service.metrics().sum("siplb_reloads_total")
    service.systemctl("reload")
    wait_until(lambda: service.metrics().sum("siplb_reloads_total") > done, "the end of a reload")


def resident_kib(service):
    status = Path(f"/proc/{service.pid()}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def with_another_listener(config):
    config = {**config, "listeners": [dict(each) for each in config["listeners"]]}
    config["listeners"].append({**config["listeners"][0], "name": "more",
                                "address": "127.0.0.1:5062"})
    return config


def test_a_hundred_reloads_lose_no_call_and_no_memory(service):
    """A listener comes and goes with them, with all that systemd keeps of it."""
    with Traffic(service, rate=50) as traffic:
        fewer = config_for(traffic.servers)
        more = with_another_listener(fewer)
        pid = service.pid()
        for number in range(1, RELOADS + 1):
            service.write(more if number % 2 else fewer)
            reload(service)
            if number == 10:
                before = resident_kib(service)
        grown = resident_kib(service) - before
        assert service.pid() == pid and service.stored() == STORED
        assert service.show("ActiveState") == "active"
        udp, tcp = traffic.end()
    print(f"{RELOADS} reloads; memory {grown:+} KiB; UDP: {udp['succeeded']} calls, "
          f"{udp['retransmissions']} retransmissions; TCP: {tcp['succeeded']} calls")
    assert_all_well(udp)
    assert_all_well(tcp)
    assert not traffic.connector.refused
    assert grown < GROWTH_MAX_KIB
    with service.machine.network(), Peer(port=5062):
        pass  # its port is free


def test_a_bad_file_changes_nothing_until_it_is_mended(service):
    with Traffic(service, rate=20) as traffic:
        service.write("listeners: []\n")
        reload(service)
        assert service.metrics().sum("siplb_config_stale") == 1
        wait_until(lambda: service.show("StatusText").startswith("serving the last good"), "status")
        traffic.wait_calls(20)
        service.write(config_for(traffic.servers))
        reload(service)
        assert service.metrics().sum("siplb_config_stale") == 0
        udp, tcp = traffic.end()
    assert_all_well(udp)
    assert_all_well(tcp)


@pytest.mark.parametrize("reloaded", [False, True])
def test_what_runs_after_a_crash_is_what_ran_before_it(service, reloaded):
    """A listener that a reload has brought is adopted as those of the start are."""
    with Traffic(service, rate=20) as traffic:
        if reloaded:
            service.write(with_another_listener(config_for(traffic.servers)))
            reload(service)
        expected = 2 * STORED - 1 if reloaded else STORED
        assert service.stored() == expected
        service.systemctl("kill", "--signal", "SIGKILL")
        service.wait_restarts(1)
        assert service.stored() == expected
        traffic.wait_calls(20)
        udp, _ = traffic.end()
    assert_all_well(udp)
