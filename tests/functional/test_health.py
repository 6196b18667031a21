"""Servers that die, are full or are only said to be dead; and clients that would have it so.

Nobody who lives goes out, who is dead costs no call, and what happened when is told by siplbd's own
events and by the kernel's time stamps.
"""

import itertools
import os
import signal
import socket
import struct
import time
from contextlib import ExitStack

import pytest

from pool import Calls, RuledServer, accept, events_of, happened, wait_probed
from siplb import (LOOPBACK, Daemon, Dialog, SimulatedServers, addresses_of, configuration, group,
                   hop_ack, listener, new_request, wait_until)

DOWN, UP = "server down", "server up"
PANIC = "too few servers are up, health is ignored"
CALM = "enough servers are up, health counts again"
BUSY, RELIEVED = "server busy, no new work for it", "server takes new work again"

OUT_AND_BACK_S = 3
SLOW_START_S = 3
REFUSED_OUT_S = 0.1
STAMP_S = 0.002  # two stamps in milliseconds, both cut
HASTY = {"fast_interval": "100ms", "timeout": "100ms"}
ONLY_IF_ASKED = {"interval": "1h"}


@pytest.fixture(name="stack")
def stack_fixture():
    with ExitStack() as made:
        yield made


def ruled(stack, count, rule=accept):
    return [stack.enter_context(RuledServer(rule)) for _ in range(count)]


def daemon(folder, stack, addresses, workers=1, transports=("udp",), health=None, **group_options):
    """Probes are as they are by default, unless `health` says otherwise."""
    config = configuration([listener(transports=[*transports])],
                           [group(addresses, health=health or {}, **group_options)],
                           workers=workers, global_={"lanes": workers})
    return stack.enter_context(Daemon(folder, config))


def call(siplbd, client, call_id):
    """The final answer to an INVITE, acknowledged."""
    invite = new_request(client, "INVITE", call_id)
    client.send(invite, siplbd.address)
    response = client.receive_response()
    if response.status >= 300:
        client.send(hop_ack(invite, response), siplbd.address)
    else:
        Dialog.of_caller(client, response).send("ACK", cseq=1)
    return response


# ---- servers that die ----------------------------------------------------------------------------


def requests_by_server(siplbd):
    series = siplbd.metrics().select("siplb_server_requests_total")
    return {labels["server"]: value for labels, value in series}


def share_within(siplbd, server, seconds):
    """Of all requests to servers during that time, those that went to this one."""
    before = requests_by_server(siplbd)
    time.sleep(seconds)  # what is measured, not waited for
    gains = {name: value - before[name] for name, value in requests_by_server(siplbd).items()}
    return gains[server] / sum(gains.values())


def test_server_that_falls_silent_costs_no_call_and_comes_back_slowly(tmp_path, stack):
    others = stack.enter_context(SimulatedServers(3))
    silent = stack.enter_context(SimulatedServers(1))
    siplbd = daemon(tmp_path, stack, [*others.addresses, *silent.addresses], workers=2,
                    slow_start=f"{SLOW_START_S}s")
    calls = stack.enter_context(Calls(siplbd, 500))
    siplbd.wait_metric(500, "siplb_server_requests_total", server="s4")

    stopped_at = time.time()
    silent.process.send_signal(signal.SIGSTOP)
    down_after = happened(siplbd, DOWN, server="s4") - stopped_at
    continued_at = time.time()
    silent.process.send_signal(signal.SIGCONT)
    up_after = happened(siplbd, UP, since=continued_at, server="s4") - continued_at
    # Early in its slow start, for the rest of it, and after it.
    shares = [share_within(siplbd, "s4", seconds) for seconds in (1, SLOW_START_S - 1, 2)]

    figures = calls.end_well()
    print(f"down after {down_after:.3f} s, up after {up_after:.3f} s; its shares {shares}; "
          f"{figures['started']} calls, set-up in ms: {figures['setup_ms']}")
    assert down_after <= OUT_AND_BACK_S
    assert up_after <= OUT_AND_BACK_S
    assert shares[0] < 0.14 and 0.2 < shares[2] < 0.3
    assert {event["server"] for event in events_of(siplbd, DOWN)} == {"s4"}


def test_closed_port_is_out_within_a_tenth_of_a_second(tmp_path, stack):
    stays = stack.enter_context(SimulatedServers(1))
    dies = stack.enter_context(SimulatedServers(1))
    siplbd = daemon(tmp_path, stack, [*stays.addresses, *dies.addresses])
    with Calls(siplbd, 300):
        siplbd.wait_metric(100, "siplb_server_requests_total", server="s2")
        wait_until(lambda: events_of(siplbd, UP, server="s2"), "s2 probed")
        dies.process.kill()
        down_at = happened(siplbd, DOWN, server="s2", reason="refused")
        refused_at = happened(siplbd, "failover", server="s2", reason="unreachable")
        print(f"down {(down_at - refused_at) * 1000:.0f} ms after the first refusal")
        assert down_at - refused_at <= REFUSED_OUT_S + STAMP_S


# ---- servers that are only said to be dead -------------------------------------------------------


def without_probes(request):
    return None if request.method == "OPTIONS" else 200


def test_failing_probes_take_nobody_out_who_answers_traffic(tmp_path, stack):
    servers = ruled(stack, 2)
    siplbd = daemon(tmp_path, stack, addresses_of(servers), health=HASTY)
    with Calls(siplbd, 200) as calls:
        for number, server in enumerate(servers, 1):
            wait_until(server.calls, "a call")
            happened(siplbd, UP, server=f"s{number}")
            server.rule = without_probes
        for name in ("s1", "s2"):
            siplbd.wait_metric(5, "siplb_probe_disagreements_total", server=name)
        assert siplbd.metrics().sum("siplb_server_up") == 2
        calls.end_well()
    assert not events_of(siplbd, DOWN)


def test_health_is_ignored_once_no_probe_is_answered(tmp_path, peers, stack):
    servers = ruled(stack, 2, without_probes)
    [client] = peers(1)
    siplbd = daemon(tmp_path, stack, addresses_of(servers), policy="round-robin", health=HASTY)
    happened(siplbd, PANIC, group="pbx")
    metrics = siplbd.metrics()
    assert (metrics.sum("siplb_server_up"), metrics.sum("siplb_group_panic")) == (0, 1)
    for number in range(10):
        assert call(siplbd, client, f"panic-{number}").status == 200
    assert [len(server.calls()) for server in servers] == [5, 5]

    servers[0].rule = accept
    happened(siplbd, CALM, group="pbx")
    wait_until(lambda: siplbd.metrics().sum("siplb_group_panic") == 0, "lanes go by health again")
    for number in range(10):
        assert call(siplbd, client, f"calm-{number}").status == 200
    assert [len(server.calls()) for server in servers] == [15, 5]


# ---- clients that would have a server out --------------------------------------------------------


POISON = ["400", "403", "408", "480", "500", "513", "603", "mute"]


def by_user(request):
    """As the user of the Request-URI says."""
    user = request.uri.removeprefix("sip:").partition("@")[0]
    return None if user == "mute" else int(user) if user.isdecimal() else 200


def test_poison_takes_no_server_out(tmp_path, peers, stack):
    """Nobody is probed unless a signal of traffic asks for it."""
    servers = ruled(stack, 2, by_user)
    [client] = peers(1)
    siplbd = daemon(tmp_path, stack, addresses_of(servers), policy="round-robin",
                    health=ONLY_IF_ASKED, failover={"first_response_timeout": "200ms"})
    for turn in range(3):
        requests = {f"{method}-{user}-{turn}-{number}": (method, f"sip:{user}@example.com")
                    for method in ("INVITE", "MESSAGE") for user in POISON for number in range(4)}
        for call_id, (method, uri) in requests.items():
            client.send(new_request(client, method, call_id, uri), siplbd.address)
        for name in ("s1", "s2"):
            siplbd.wait_metric(turn + 1, "siplb_probes_total", server=name, result="answered")
    assert siplbd.metrics().sum("siplb_server_failovers_total", reason="silence") > 0
    assert_all_in_service(siplbd)


def test_oversize_requests_take_no_server_out(tmp_path, peers, stack):
    servers = ruled(stack, 2)
    [client] = peers(1)
    siplbd = daemon(tmp_path, stack, addresses_of(servers), policy="round-robin",
                    health={"interval": "100ms", **HASTY})
    for number in range(40):
        request = new_request(client, "MESSAGE", f"oversize-{number}")
        request.headers.append(("Subject", ""))
        spare = 65_507 - len(request.encode())
        request = request.with_header("Subject", "s" * (spare if number % 2 else spare // 2))
        client.send(request, siplbd.address)
        assert client.receive().status == (513 if number % 2 else 200)
    for name in ("s1", "s2"):
        wait_probed(siplbd, name, 5)
    assert_all_in_service(siplbd)


def assert_all_in_service(siplbd):
    assert siplbd.metrics().sum("siplb_server_up") == 2
    assert not events_of(siplbd, DOWN) + events_of(siplbd, BUSY)


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def port_unreachable(sender, receiver, quoted):
    """The ICMP error for a datagram between these addresses, with that much of what it held."""
    hosts = socket.inet_aton(sender[0]) + socket.inet_aton(receiver[0])
    datagram = struct.pack("!HHHH", sender[1], receiver[1], 8 + len(quoted), 0) + quoted
    packet = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(datagram), 1, 0, 64,
                         socket.IPPROTO_UDP, 0, hosts) + datagram
    packet += b"\0" * (len(packet) % 2)
    head = struct.pack("!BBHI", 3, 3, 0, 0)
    return struct.pack("!BBHI", 3, 3, checksum(head + packet), 0) + packet


def ephemeral_ports():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = map(int, file.read().split())
    return range(first, last + 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
def test_forged_icmp_takes_no_server_out(tmp_path, peers, stack):
    """Whether it names the listener's port, or in turn each that a probe may come from."""
    servers = ruled(stack, 2)
    [client] = peers(1)
    siplbd = daemon(tmp_path, stack, addresses_of(servers), policy="round-robin",
                    health={"interval": "100ms", **HASTY})
    forger = stack.enter_context(
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
    forger.bind(("127.0.0.66", 0))
    quoted = new_request(client, "INVITE", "forged").encode()[:400]
    for server in servers:
        for _ in range(500):
            error = port_unreachable(siplbd.address, server.address, quoted)
            forger.sendto(error, (LOOPBACK[4], 0))
        for port in ephemeral_ports():
            error = port_unreachable((LOOPBACK[4], port), server.address, b"")
            forger.sendto(error, (LOOPBACK[4], 0))
    siplbd.wait_metric(1, "siplb_icmp_errors_total", reason="refused")
    for name in ("s1", "s2"):
        wait_probed(siplbd, name, 5)
    assert_all_in_service(siplbd)


# ---- servers that are full -----------------------------------------------------------------------


RESTS_S = 5
TICK_S = 0.1  # of a lane, on a busy machine


def full(request):
    """Of calls, that is: what is within a dialog goes on."""
    return 503 if request.method == "INVITE" else 200


def resting(siplbd):
    return siplbd.metrics().sum("siplb_server_state", state="busy")


def test_full_server_rests_for_five_seconds_at_most_and_its_dialogs_go_on(tmp_path, peers, stack):
    """Whatever its Retry-After says, and though it answers probes with 200."""
    servers = ruled(stack, 2)
    [client] = peers(1)
    siplbd = daemon(tmp_path, stack, addresses_of(servers), policy="round-robin")
    dialogs = [Dialog.of_caller(client, call(siplbd, client, f"before-{i}")) for i in range(2)]
    [dialog] = [dialog for dialog in dialogs if dialog.call_id in servers[0].calls()]
    for name in ("s1", "s2"):
        happened(siplbd, UP, server=name)

    servers[0].rule = full
    ids = (f"full-{number}" for number in itertools.count())

    def happens_while_calls_come(event):
        assert call(siplbd, client, next(ids)).status == 200  # by the other server
        dialog.send("INFO")
        assert client.receive().status == 200
        return events_of(siplbd, event, server="s1")
    for event in (BUSY, RELIEVED):
        wait_until(lambda: happens_while_calls_come(event), event)
    busy_at, relieved_at = (happened(siplbd, event, server="s1") for event in (BUSY, RELIEVED))

    def while_resting(method):
        return [at for at, _ in servers[0].got(method) if busy_at + TICK_S < at < relieved_at]
    print(f"rested for {relieved_at - busy_at:.3f} s, with {len(while_resting('INFO'))} requests "
          f"of its dialog")
    assert 0.9 * RESTS_S < relieved_at - busy_at <= RESTS_S + TICK_S
    assert while_resting("INFO") and not while_resting("INVITE")


def test_no_more_than_half_of_a_group_rests_at_once(tmp_path, peers, stack):
    servers = ruled(stack, 4, full)
    [client] = peers(1)
    siplbd = daemon(tmp_path, stack, addresses_of(servers), policy="round-robin")
    for number in range(4):
        happened(siplbd, UP, server=f"s{number + 1}")
    most = 0
    for number in range(100):
        assert call(siplbd, client, f"full-{number}").status in (500, 503)
        most = max(most, resting(siplbd))
    assert most == 2
    # Who is not let rest is asked on.
    assert sum(len(server.calls()) > 10 for server in servers) == 2


# ---- siplbd itself has too much to do ------------------------------------------------------------


BEYOND_CAPACITY = 50_000  # calls a second for one worker
SATURATED_S = 10
STORM_S = 2
DROPS, PROBE = "siplb_kernel_drops_total", "siplb_server_probe_seconds"


def slowest_probe(metrics):
    """The least bound of the histogram's that all answered probes kept."""
    counts = {}
    for labels, value in metrics.select(f"{PROBE}_bucket"):
        bound = float(labels["le"])
        counts[bound] = counts.get(bound, 0) + value
    return min(bound for bound, count in counts.items() if count == max(counts.values()))


def storm(address, seconds):
    """How many connections were begun, each to be reset at once."""
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as connection:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.connect_ex(address)
            count += 1
    return count


def test_overload_and_a_storm_of_connections_take_no_server_out(tmp_path, stack):
    servers = stack.enter_context(SimulatedServers(4))
    siplbd = daemon(tmp_path, stack, servers.addresses, transports=("udp", "tcp"))
    for number in range(4):
        happened(siplbd, UP, server=f"s{number + 1}")
    with Calls(siplbd, BEYOND_CAPACITY):
        time.sleep(SATURATED_S)  # is what is tested
        drops = siplbd.metrics().sum(DROPS)
        begun = storm(siplbd.address, STORM_S)
        metrics = siplbd.metrics()
    print(f"{drops:.0f} datagrams dropped in {SATURATED_S} s, then {begun} connections, "
          f"{metrics.sum('siplb_connections_begun_total'):.0f} accepted; all answered probes "
          f"within {slowest_probe(metrics) * 1000:.0f} ms, "
          f"{metrics.sum('siplb_probes_total', result='failed'):.0f} failed, "
          f"{metrics.sum('siplb_probe_disagreements_total'):.0f} disagreements")
    assert drops > 0  # else it was not beyond capacity
    assert metrics.sum("siplb_connections_begun_total", direction="accepted") > 0
    assert metrics.sum("siplb_server_up") == 4
    assert not events_of(siplbd, DOWN)
