"""Runs one server for a parent process and outlives neither: a program of its own, standard library only.

usage: python -I guard.py PARENT_PID FOLDER SIGNAL GRACE_SECONDS COMMAND...

When its standard input ends or the parent is gone (killed outright, too), the server gets SIGNAL, SIGKILL after the grace, and FOLDER
is removed. PR_SET_PDEATHSIG in the parent would not do: it fires when the thread that started the process ends.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1
_LOOK = 0.25  # seconds between looks at the parent and the server


def main() -> int:
    parent, folder, number, grace, command = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
    stop_reader, stop_writer = os.pipe()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: os.write(stop_writer, b"x"))
    libc = ctypes.CDLL(None, use_errno=True)
    # The server goes even if this guard is killed outright: this process has one thread, so here the signal is reliable.
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    try:
        while server.poll() is None and os.getppid() == parent:
            # A forked child of the parent can hold the other end of standard input open: hence the look at the parent as well.
            if select.select([sys.stdin, stop_reader], [], [], _LOOK)[0]:
                break
        if server.poll() is None:
            server.send_signal(number)
            try:
                server.wait(grace)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            return 0
        return server.returncode if server.returncode >= 0 else 128 - server.returncode
    finally:
        if os.getppid() != parent:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
