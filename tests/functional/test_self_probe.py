"""siplbd asks itself, on the way of any client's request, whether it still answers."""

import pytest

from siplb import Daemon, configuration, group, listener
from test_reload import reload

SERVERS = [("127.0.0.1", 5999)]
OFTEN = {"self_probe": "100ms"}
ADVERTISED = {"0.0.0.0": "192.0.2.1:5060", "::": "[2001:db8::1]:5060"}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", *ADVERTISED])
@pytest.mark.parametrize("transports", [["udp"], ["tcp"], ["udp", "tcp"]])
@pytest.mark.parametrize("role", ["clients", "servers"])
def test_each_listener_answers(tmp_path, host, transports, role):
    own = listener(host=host, transports=transports, role=role)
    if host in ADVERTISED:
        own["advertise"] = ADVERTISED[host]
    other = listener("other", transports=["udp", "tcp"])
    config = configuration([own, other], [group(SERVERS)], workers=2, global_=OFTEN)
    with Daemon(tmp_path, config) as siplbd:
        for name in (own["name"], "other"):
            siplbd.wait_metric(3, "siplb_self_probes_total", listener=name, result="answered")
        metrics = siplbd.metrics()
        assert metrics.sum("siplb_self_probes_total", result="lost") == 0
        assert metrics.sum("siplb_self_probe_up") == 2
        assert metrics.sum("siplb_self_probe_seconds_count", listener=own["name"]) >= 3
        assert metrics.sum("siplb_messages_answered_total", code="200") >= 6
        accepted = metrics.sum("siplb_connections_begun_total", direction="accepted")
        assert accepted == (1 if transports == ["tcp"] else 0)
        assert metrics.sum("siplb_conservation_difference") == 0


def test_a_reload_ends_it_and_begins_it(tmp_path):
    config = configuration([listener()], [group(SERVERS)], global_=OFTEN)
    with Daemon(tmp_path, config) as siplbd:
        siplbd.wait_metric(2, "siplb_self_probes_total", result="answered")
        config["global"]["self_probe"] = "off"
        reload(siplbd, config)
        before = siplbd.metrics().sum("siplb_messages_received_total", kind="request")
        assert siplbd.metrics().sum("siplb_self_probe_up") == 1
        config["global"].update(OFTEN)
        reload(siplbd, config)
        siplbd.wait_metric(before + 2, "siplb_messages_received_total", kind="request")
