"""The demo: starts the simulated servers and siplbd, places calls, and says what came of them.

Started by tools/demo, which builds the programs first. config/demo.yaml is used as it is but for
the addresses: every port is one that the kernel picks, so demos and daemons do not meet.
"""

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER_COUNT = 4
CALLS_PER_SECOND = 100
HOLD = "500ms"
SOURCES = 8  # sockets that calls come from, so that they arrive at several lanes
PHONE_PORT = 5060
STOP_TIMEOUT_S = 10
HTTP_TIMEOUT_S = 5


class Program:
    """A running program that writes one JSON object per line, its events.

    All its lines are kept in a file. It runs in a session of its own, so that Ctrl-C reaches the
    demo alone, which then ends the programs in order.
    """

    def __init__(self, command: list, log: Path):
        self.name = Path(command[0]).name
        self.log = log
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)

    def events_until(self, is_last: Callable[[dict], bool]) -> list[dict]:
        """The first events; what follows goes to the file alone."""
        events = []
        kept = self.log.open("w", encoding="utf-8")
        for line in self.process.stdout:
            kept.write(line)
            if line.startswith("{"):
                events.append(json.loads(line))
                if is_last(events[-1]):
                    threading.Thread(target=self.keep_the_rest, args=[kept], daemon=True).start()
                    return events
        kept.close()
        sys.exit(f"{self.name} did not start:\n{self.log.read_text(encoding='utf-8')}")

    def keep_the_rest(self, kept) -> None:
        with kept:
            for line in self.process.stdout:
                kept.write(line)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def main_address() -> str:
    """The address that this host would use towards the outside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # Sends nothing.
        return probe.getsockname()[0]


def is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def replace(text: str, pattern: str, values: list[str]) -> str:
    """Puts the values, in order, where the pattern's group 1 stands; there must be one for each."""
    rest = iter(values)
    count = len(re.findall(pattern, text))
    if count != len(values):
        sys.exit(f"config/demo.yaml: {count} of {pattern}, expected {len(values)}")
    return re.sub(pattern, lambda m: m[0].replace(m[1], next(rest)), text)


def demo_configuration(listener: str, servers: list[str]) -> str:
    text = (ROOT / "config" / "demo.yaml").read_text(encoding="utf-8")
    text = replace(text, r"format: (\w+)", ["json"])
    text = replace(text, r'uri: "sip:([^"]+)"', servers)
    return replace(text, r'address: "([^"]+)"', [listener, "127.0.0.1:0"])


def requests_per_server(metrics: str) -> dict[str, int]:
    found = re.findall(r'^siplb_server_requests_total\{[^}]*server="([^"]+)"[^}]*\} (\S+)', metrics,
                       re.M)
    return {server: int(float(value)) for server, value in found}


def print_shares(metrics_address: str) -> None:
    address = f"http://{metrics_address}/metrics"
    with urllib.request.urlopen(address, timeout=HTTP_TIMEOUT_S) as answer:
        requests = requests_per_server(answer.read().decode())
    total = max(1, sum(requests.values()))
    print("\nRequests by server, as siplbd counts them:")
    for server, count in requests.items():
        print(f"  {server:<8}{count:>8}  {100 * count / total:5.1f} %")


def place_calls(programs: Path, listener: str, seconds: int) -> int:
    print(f"Placing {CALLS_PER_SECOND} calls/s for {seconds} s through {listener}.\n", flush=True)
    return subprocess.run([programs / "siplb-load", "call", "--to", listener, "--table",
                           "--rate", str(CALLS_PER_SECOND), "--duration", f"{seconds}s",
                           "--hold", HOLD, "--sources", str(SOURCES)], check=False).returncode


def say_how_to_call(listener: str, metrics_address: str) -> None:
    print(f"""siplbd is at {listener}, UDP; its metrics are at http://{metrics_address}/metrics.

To point a phone at it, in the same network:
  SIP server, registrar or domain:  {listener}
  transport:                        UDP
  user name and password:           any
Then call any number. One of {SERVER_COUNT} simulated servers answers (there is no sound), and keeps
the call until you hang up. Firewalls between the two must let UDP through.

Ctrl-C ends it.""", flush=True)


def run(options: argparse.Namespace, folder: Path) -> bool:
    """True if every call succeeded and stayed on its server."""
    host = main_address() if options.keep else "127.0.0.1"
    with ExitStack() as running:
        servers = running.enter_context(Program(
            [options.bin / "siplb-load", "serve", "--json", "--listen", f"{host}:0", "--count",
             str(SERVER_COUNT)], folder / "servers.log"))
        simulated = servers.events_until(lambda event: "servers" in event)[-1]["servers"]

        port = PHONE_PORT if options.keep and is_free(host, PHONE_PORT) else 0
        file = folder / "siplb.yaml"
        file.write_text(demo_configuration(
            f"{host}:{port}", [server["address"] for server in simulated]), encoding="utf-8")
        balancer = running.enter_context(Program(
            [options.bin / "siplbd", "--config", file], folder / "siplbd.log"))
        events = balancer.events_until(lambda event: event.get("event") == "ready")
        addresses = {event["listener"]: event["address"] for event in events
                     if event["event"] == "listening"}

        if options.keep:
            say_how_to_call(addresses["demo"], addresses["metrics"])
            signal.pause()
        succeeded = place_calls(options.bin, addresses["demo"], options.seconds) == 0
        print_shares(addresses["metrics"])
        # siplbd says by its exit code whether it ended well, the servers by theirs whether each
        # dialog stayed where it began.
        return succeeded and balancer.stop() == 0 and servers.stop() == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="how long to place calls (20)")
    parser.add_argument("--keep", action="store_true",
                        help="on this host's own address until Ctrl-C, for a real phone")
    parser.add_argument("--bin", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = ROOT / "build" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        all_well = run(options, folder)
    except KeyboardInterrupt:
        return 0 if options.keep else 130  # 130: what shells make of Ctrl-C
    print("\nEvery call succeeded and stayed on its server." if all_well else
          f"\nFAILED: not every call succeeded. The programs' logs are in {folder}.")
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main())
