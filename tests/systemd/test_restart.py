"""systemctl restart in the middle of calls: the process hands over to its successor."""

import time

from siplb import Peer, host_port, wait_until
from traffic import LISTENER, STORED, Traffic, assert_all_well, config_for, serving_after

RESTARTS = 5
HANDED_OVER_MS = 50  # from SIGTERM until the process is done, as a rule: processors may be busy


def restart(service):
    """How many milliseconds nobody answered."""
    pid, begin = service.pid(), time.monotonic()
    service.systemctl("restart", "--no-block")
    away = serving_after(pid, begin)
    service.wait_state("active")
    return away


def test_restart_loses_no_udp_call_and_refuses_no_connection(service):
    with Traffic(service) as traffic:
        times = []
        for _ in range(RESTARTS):
            times.append(restart(service))
            traffic.wait_calls(200)
        udp, tcp = traffic.end()
        handed_over = [int(event["ms"]) for event in service.events("stopped")]
    print(f"serving again {times} ms after SIGTERM, of which the old process took {handed_over}; "
          f"UDP: {udp['succeeded']} calls, {udp['retransmissions']} retransmissions; TCP: "
          f"{tcp['succeeded']} of {tcp['started']} calls; {traffic.connector.connected} connected, "
          f"{len(traffic.connector.refused)} refused")
    assert_all_well(udp)
    assert tcp["stickiness_violations"] == 0 and tcp["succeeded"] > 0, tcp
    assert not traffic.connector.refused
    assert len(handed_over) == RESTARTS
    assert sorted(handed_over)[RESTARTS // 2] < HANDED_OVER_MS
    assert service.stored() == STORED


def test_other_worker_counts_serve_the_lanes_that_are_there(service):
    with Traffic(service, rate=50) as traffic:
        for workers, lanes in ((1, 4), (4, 16)):
            config = config_for(traffic.servers)
            config["global"].update(workers=workers, lanes=lanes)
            service.write(config)
            restart(service)
            traffic.wait_calls(100)
            assert service.stored() == STORED
        udp, _ = traffic.end()
    assert_all_well(udp)


def test_a_listener_that_has_left_the_file_frees_its_port(service):
    """And one that takes over its port under another name gets it."""
    config = config_for([("127.0.0.1", 5999)])
    more = {**config["listeners"][0], "name": "more", "address": "127.0.0.1:5062"}
    config["listeners"].append(more)
    for each in config["listeners"]:
        each["role"] = "both"
    service.start(config)
    assert service.stored() == 2 * STORED - 1
    more["name"] = "renamed"
    service.write(config)
    service.systemctl("restart")
    assert service.stored() == 2 * STORED - 1

    config["listeners"].remove(more)
    service.write(config)
    service.systemctl("restart")
    assert service.stored() == STORED
    with service.machine.network(), Peer(port=5062) as other:
        assert other.address == ("127.0.0.1", 5062)


def test_stop_leaves_nothing_behind(service):
    service.start(config_for([("127.0.0.1", 5999)]))
    service.systemctl("stop")
    wait_until(lambda: service.stored() == 0, "an empty store")
    with service.machine.network(), Peer(port=LISTENER[1]) as other:
        assert host_port(other.address) == host_port(LISTENER)
