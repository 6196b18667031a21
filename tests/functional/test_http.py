"""What is served on metrics.address: metrics that promtool accepts, health and readiness."""

import re
import shutil
import subprocess
import urllib.error

import pytest

from siplb import (ROOT, Daemon, Metrics, SimulatedServers, configuration, group, listener,
                   place_calls)


def promtool():
    """On the path, or where tools/set-up unpacks it."""
    unpacked = sorted((ROOT / "build").glob("**/bin/promtool"))
    return shutil.which("promtool") or (unpacked and str(unpacked[0]))


def test_metrics_please_promtool(tmp_path):
    if not (tool := promtool()):
        pytest.skip("promtool is not installed")
    with SimulatedServers(2) as servers:
        config = configuration([listener()], [group(servers.addresses)], workers=2)
        with Daemon(tmp_path, config) as siplbd:
            place_calls(siplbd, 100)
            text = siplbd.metrics().text
    check = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True,
                           check=False)
    assert (check.returncode, check.stdout + check.stderr) == (0, "")


def test_health_and_readiness(tmp_path):
    with Daemon(tmp_path, configuration([listener()], [group([("127.0.0.1", 9)])])) as siplbd:
        assert siplbd.get("/healthz")[0] == 200
        assert siplbd.get("/readyz")[0] == 200
        with pytest.raises(urllib.error.HTTPError) as missing:
            siplbd.get("/admin")
        assert missing.value.code == 404


def test_every_configured_server_has_its_series_from_the_start(tmp_path):
    groups = [group([("127.0.0.1", 9), ("127.0.0.1", 10)], "one", weights=[100, 0]),
              group([("127.0.0.1", 11)], "two", policy="round-robin")]
    config = configuration([listener()], groups, routes=[{"name": "all", "group": "one"}])
    with Daemon(tmp_path, config) as siplbd:
        metrics = siplbd.metrics()
    for place in [{"group": "one", "server": "s1"}, {"group": "one", "server": "s2"},
                  {"group": "two", "server": "s1"}]:
        assert metrics.select("siplb_server_requests_total", **place) == [(place, 0)]
        assert len(metrics.select("siplb_server_responses_total", **place)) == 6


def test_every_documented_metric_is_there_and_every_other_is_documented(tmp_path):
    table = re.findall(r"^\| `(siplb_\w+)` \| (\w+) \|", (ROOT / "docs/metrics.md").read_text(),
                       re.M)
    with Daemon(tmp_path, configuration([listener()], [group([("127.0.0.1", 9)])])) as siplbd:
        metrics = siplbd.metrics()
    served = re.findall(r"^# TYPE (siplb_\w+) (\w+)$", metrics.text, re.M)
    assert sorted(served) == sorted(table)


def test_counters_begin_at_zero(tmp_path):
    with Daemon(tmp_path, configuration([listener()], [group([("127.0.0.1", 9)])])) as siplbd:
        metrics: Metrics = siplbd.metrics()
    assert metrics.sum("siplb_messages_received_total") == 0
    assert metrics.sum("siplb_messages_dropped_total") == 0
