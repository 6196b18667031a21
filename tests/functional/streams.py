"""SIP over TCP on sockets of our own: what `Peer` is for UDP."""

import re
import socket
import struct
from pathlib import Path

from siplb import (DEADLINE_S, LOOPBACK, End, Message, family_of, host_port, listener, new_request,
                   wait_readable)


class StreamPeer(End):
    """One TCP connection that speaks SIP, whoever has opened it. All that is sent goes where it
    leads, whatever address the sender names."""

    transport = "TCP"

    def __init__(self, to, host=None, listens_at=None):
        """Connects. `listens_at` is the address that its messages name; nothing: its own."""
        connection = socket.socket(family_of(to[0]), socket.SOCK_STREAM)
        connection.settimeout(DEADLINE_S)
        connection.bind((host or to[0], 0))
        connection.connect(to)
        self._begin(connection, listens_at or connection.getsockname()[:2])

    @classmethod
    def accepted(cls, connection, address):
        """What a server has accepted that listens at `address`."""
        peer = cls.__new__(cls)
        connection.settimeout(DEADLINE_S)
        peer._begin(connection, address)
        return peer

    def _begin(self, connection, address):
        super().__init__()
        self.socket = connection
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = address
        self.uri = f"sip:peer@{host_port(address)};transport=tcp"
        self.pongs = 0  # CRLF between messages
        self.end = None  # "closed" or "reset", once the other end has done it
        self._unread = b""

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends it with a RST, and what is on its way is lost."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, message, _to=None):
        self.socket.sendall(message.encode() if isinstance(message, Message) else message)

    def try_send(self, message):
        """False where the other end has ended it."""
        try:
            self.send(message)
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True

    def receive_unless_ended(self):
        """Nothing where the other end has ended it, and nothing came before."""
        while not self.inbox and not self.end:
            assert wait_readable([self.socket], DEADLINE_S), "neither a message nor an end"
            self.take_from(self.socket)
        return self.inbox.popleft() if self.inbox else None

    def sockets(self):
        return [] if self.end else [self.socket]

    def take_from(self, ready):
        """Reads once. Octets that are no SIP message fail the test."""
        try:
            octets = ready.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            self.end = "reset"
            return
        if not octets:
            self.end = "closed"
            return
        self._unread += octets
        while message := self._take_message():
            self.inbox.append(message)

    def _take_message(self):
        while self._unread.startswith(b"\r\n"):
            self.pongs += 1
            self._unread = self._unread[2:]
        head, end, _ = self._unread.partition(b"\r\n\r\n")
        if not end:
            return None
        length = len(head) + len(end) + int(Message.parse(head)["Content-Length"])
        if len(self._unread) < length:
            return None
        octets, self._unread = self._unread[:length], self._unread[length:]
        return Message.parse(octets)

    def hears(self, timeout=0):
        """Whether a whole message is there."""
        while not self.inbox and wait_readable(self.sockets(), timeout):
            self.take_from(self.socket)
        return bool(self.inbox)

    def wait_pongs(self, count):
        while self.pongs < count:
            assert wait_readable(self.sockets(), DEADLINE_S), f"{self.pongs} pongs"
            self.take_from(self.socket)

    def wait_end(self):
        """How the other end has ended it; what came before is in the inbox."""
        while not self.end:
            assert wait_readable([self.socket], DEADLINE_S), "the connection is still there"
            self.take_from(self.socket)
        return self.end


class StreamServer(End):
    """A server on TCP, with all the connections that it is given. It answers by the one that the
    request came by, and sends requests by the one that it last heard from."""

    transport = "TCP"

    def __init__(self, host=LOOPBACK[4], port=0):
        super().__init__()
        self.connections = []
        self._came_by = {}  # connections of requests, by branch
        self._latest = None
        self.listen(host, port)

    def listen(self, host, port):
        """Also again, after close()."""
        self.socket = socket.socket(family_of(host), socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen(4096)
        self.address = self.socket.getsockname()[:2]
        self.uri = f"sip:peer@{host_port(self.address)};transport=tcp"

    def close(self):
        self.socket.close()
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def reset_all(self):
        """Ends all connections with a RST, those too that it has not accepted yet."""
        while wait_readable([self.socket], 0):
            self._accept()
        for connection in self.connections:
            connection.reset()
        self.connections.clear()

    def send(self, message, _to=None):
        via = None if message.is_request else message.branch
        self._came_by.get(via, self._latest).send(message)

    def sockets(self):
        return [self.socket, *(each for connection in self.connections
                               for each in connection.sockets())]

    def _accept(self):
        self.connections.append(StreamPeer.accepted(self.socket.accept()[0], self.address))

    def take_from(self, ready):
        if ready is self.socket:
            self._accept()
            return
        connection = next(each for each in self.connections if each.socket is ready)
        connection.take_from(ready)
        while connection.inbox:
            message = connection.inbox.popleft()
            self._latest = connection
            if message.is_request:
                self._came_by[message.branch] = connection
            self.inbox.append(message)

    def hears(self, timeout=0):
        """Whether a whole message is there."""
        while not self.inbox and (ready := wait_readable(self.sockets(), timeout)):
            self.take_from(ready[0])
        return bool(self.inbox)


class StreamProbe(StreamPeer):
    """A connection of its own, by which siplb is asked whether it has read what came before."""

    def settle(self):
        """Returns when siplb has read all that its connections had brought. Requires: one lane."""
        to = self.socket.getpeername()
        self.send(new_request(self, "OPTIONS", "settle", f"sip:{host_port(to)}"))
        assert self.receive().status == 200


def resident_kib(siplbd):
    status = Path(f"/proc/{siplbd.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def stream_listener(name="main", host=LOOPBACK[4], port=0, **more):
    return listener(name, host, port, transports=["udp", "tcp"], **more)
