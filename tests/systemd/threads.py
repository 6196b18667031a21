"""Stops a single thread of another process, as a debugger does: signals stop whole processes."""

import ctypes
import os
import threading
from pathlib import Path

from network import LIBC
from siplb import DEADLINE_S

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x40000000  # waits for threads too


def thread_of(pid, comm):
    """The number of the thread with this name."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == comm:
            return int(task.name)
    raise AssertionError(f"no thread {comm} in process {pid}")


def ptrace(request, thread):
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if LIBC.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Stopped:
    """The thread does nothing within the `with` block, but it can be killed. Only who stopped it
    may take note of its end, and a process is not gone before: a thread of this one does both."""

    def __init__(self, thread):
        self._thread = thread
        self._is_stopped = threading.Event()
        self._tracer = threading.Thread(target=self._trace, daemon=True)

    def _trace(self):
        ptrace(PTRACE_SEIZE, self._thread)
        ptrace(PTRACE_INTERRUPT, self._thread)
        while True:
            _, status = os.waitpid(self._thread, WALL)
            if os.WIFSTOPPED(status):
                self._is_stopped.set()
            else:
                return

    def __enter__(self):
        self._tracer.start()
        assert self._is_stopped.wait(DEADLINE_S)
        return self

    def __exit__(self, *_):
        """It has to have died."""
        self._tracer.join(DEADLINE_S)
        assert not self._tracer.is_alive(), "the stopped thread lives on"
