"""Network namespaces that a test makes itself: without names, and gone when it lets go of them.

A socket belongs for good to the namespace that its thread was in when it was made, and a process to
that of the thread that started it. So a test enters a namespace to make a peer or to start siplbd
there, and speaks with both from where it was.
"""

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from siplb import Daemon, Peer, wait_until

NEW_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def tool(name):
    """Where a program for administrators is; nothing where it is not installed."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def why_not():
    """Why no namespaces can be made here; nothing where they can."""
    if not tool("ip"):
        return "iproute2 is not installed"
    try:
        Namespace().close()
    except PermissionError:
        return "network namespaces need root"
    return None


def current_namespace():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """With nothing in it but a loopback that is up."""

    def __init__(self):
        home = current_namespace()
        try:
            checked(LIBC.unshare(NEW_NETWORK))
            self._file = current_namespace()
            checked(LIBC.setns(home, NEW_NETWORK))
        finally:
            os.close(home)
        self.run("ip", "link", "set", "lo", "up")

    @contextmanager
    def entered(self):
        """This thread is in it within the `with` block."""
        home = current_namespace()
        checked(LIBC.setns(self._file, NEW_NETWORK))
        try:
            yield
        finally:
            checked(LIBC.setns(home, NEW_NETWORK))
            os.close(home)

    def run(self, program, *arguments, given=None):
        """What it prints."""
        with self.entered():
            return subprocess.run([tool(program), *arguments], input=given, check=True, text=True,
                                  stdout=subprocess.PIPE).stdout

    def add_address(self, interface, address):
        """`address`, with its network's length, is usable when this returns. What names no address
        to be sent from goes on to be sent from the interface's first one."""
        others = self.run("ip", "-o", "address", "show", "dev", interface, "scope", "global")
        how = ["nodad", *(["preferred_lft", "0"] if others else [])] if ":" in address else []
        self.run("ip", "address", "add", address, "dev", interface, *how)
        plain = address.partition("/")[0]
        wait_until(lambda: self.run("ip", "route", "get", plain).startswith("local"),
                   f"{address} is there")

    def remove_address(self, interface, address):
        self.run("ip", "address", "delete", address, "dev", interface)

    def join(self, interface, addresses, other, other_interface, other_addresses):
        """Lays a cable to another namespace, with an interface at each end."""
        self.run("ip", "link", "add", interface, "type", "veth", "peer", "name", other_interface,
                 "netns", f"/proc/{os.getpid()}/fd/{other._file}")
        for end, name, has in [(self, interface, addresses),
                               (other, other_interface, other_addresses)]:
            end.run("ip", "link", "set", name, "up")
            for address in has:
                end.add_address(name, address)

    def peer(self, host, port=0, kind=Peer):
        with self.entered():
            return kind(host, port)

    def become_router(self, rules):
        """It forwards, and translates addresses by these rules of nftables."""
        with self.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self.run("nft", "-f", "-", given=rules)

    def close(self):
        os.close(self._file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class DaemonInside(Daemon):
    """A siplbd that runs in a namespace."""

    # One listener on a wildcard is for clients and for servers that call by `forward`.
    expected_warning = "is public and admits servers"

    def __init__(self, namespace, folder, config):
        self.namespace = namespace
        super().__init__(folder, config)

    def start(self):
        with self.namespace.entered():
            super().start()

    def get(self, path):
        with self.namespace.entered():
            return super().get(path)
