"""A service manager for tests: it hears what siplbd tells systemd, and keeps its descriptors.

As systemd does (sd_notify(3), "File Descriptor Store"): what is kept under a name comes back to the
next process, newest first, in LISTEN_FDS; one descriptor is kept once, however often it is sent.
FDPOLL is not acted on. Run as a program, this file is the step between the two processes: it puts
the descriptors where siplbd looks for them and becomes siplbd.
"""

import fcntl
import os
import signal
import socket
import sys
import threading
from pathlib import Path

LISTEN_FDS_START = 3
OCTETS_MAX = 65536
DESCRIPTORS_MAX = 253  # of one message


def identity(descriptor):
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


class ServiceManager:
    """Hears on a thread of its own until the `with` block ends."""

    def __init__(self, folder):
        self.path = str(Path(folder) / "notify")
        self.said = []  # each message but those about descriptors, as a dictionary
        self.store = []  # (name, descriptor), newest first
        self.news = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._hear, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.path)
        self._thread.join()
        self._socket.close()
        for _, descriptor in self.store:
            os.close(descriptor)

    def _hear(self):
        while True:
            octets, descriptors, _, _ = socket.recv_fds(self._socket, OCTETS_MAX, DESCRIPTORS_MAX)
            if not octets:
                return
            message = dict(line.split("=", 1) for line in octets.decode().splitlines())
            with self.news:
                self._take(message, descriptors)
                self.news.notify_all()

    def _take(self, message, descriptors):
        name = message.get("FDNAME", "stored")
        if "FDSTOREREMOVE" in message:
            for entry in [entry for entry in self.store if entry[0] == name]:
                self.store.remove(entry)
                os.close(entry[1])
        elif "FDSTORE" in message:
            for descriptor in descriptors:
                self._keep(name, descriptor)
        else:
            for descriptor in descriptors:  # a barrier: its sender waits for the end of it
                os.close(descriptor)
            self.said.append(message)

    def _keep(self, name, descriptor):
        if any(identity(kept) == identity(descriptor) for _, kept in self.store):
            os.close(descriptor)
        else:
            self.store.insert(0, (name, descriptor))

    def put(self, name, descriptor):
        """As if a process had sent it; it is ours from now on."""
        with self.news:
            self._keep(name, descriptor)

    def names(self):
        with self.news:
            return [name for name, _ in self.store]

    def descriptors(self):
        """Those that the next process has to be started with (pass_fds)."""
        with self.news:
            return [descriptor for _, descriptor in self.store]

    def command(self):
        """What the next process has to be started by: a prefix of its command line."""
        with self.news:
            kept = [f"{name}={descriptor}" for name, descriptor in self.store]
        return [sys.executable, "-S", __file__, self.path, *kept, "--"]


def become(arguments):
    """notify.py SOCKET [NAME=DESCRIPTOR …] -- COMMAND …"""
    at = arguments.index("--")
    path, kept, command = arguments[0], arguments[1:at], arguments[at + 1:]
    names, numbers = zip(*(entry.rsplit("=", 1) for entry in kept)) if kept else ((), ())
    # Out of each other's way first, by copies that end with this program.
    copies = [fcntl.fcntl(int(number), fcntl.F_DUPFD_CLOEXEC, LISTEN_FDS_START + len(numbers))
              for number in numbers]
    for number in numbers:
        os.close(int(number))
    for place, copy in enumerate(copies, LISTEN_FDS_START):
        os.dup2(copy, place)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and so by whom it becomes
        signal.signal(ignored, signal.SIG_DFL)
    os.environ.update(NOTIFY_SOCKET=path, LISTEN_PID=str(os.getpid()),
                      LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
    os.execv(command[0], command)


if __name__ == "__main__":
    become(sys.argv[1:])
