"""tools/run_demo.py: how it makes its configuration, and what it reads from the metrics."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import run_demo  # noqa: E402

METRICS = """# HELP siplb_server_requests_total Requests forwarded.
siplb_server_requests_total{group="demo",server="one"} 12
siplb_server_requests_total{server="two",group="demo"} 1e+06
siplb_server_responses_total{group="demo",server="one",code_class="2xx"} 3
"""


class ConfigurationTest(unittest.TestCase):
    def test_every_address_is_replaced(self):
        servers = [f"127.0.0.1:{port}" for port in (1001, 1002, 1003, 1004)]
        text = run_demo.demo_configuration("192.0.2.1:0", servers)
        self.assertNotIn("127.0.0.1:15", text)
        self.assertIn('address: "192.0.2.1:0"', text)
        self.assertIn('metrics: {address: "127.0.0.1:0"}', text)
        self.assertEqual(servers, [text.split("sip:")[n].split('"')[0] for n in (1, 2, 3, 4)])

    def test_other_number_of_servers_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "expected 1"):
            run_demo.demo_configuration("192.0.2.1:0", ["127.0.0.1:1001"])


class MetricsTest(unittest.TestCase):
    def test_requests_by_server(self):
        self.assertEqual({"one": 12, "two": 1_000_000}, run_demo.requests_per_server(METRICS))


if __name__ == "__main__":
    unittest.main()
