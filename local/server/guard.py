"""Run a server for a parent process, and stop it when the parent ends. This is a separate program with only the standard library.

usage: python -I guard.py PARENT_PID FOLDER SIGNAL GRACE_SECONDS COMMAND...

When stdin is closed or the parent has ended (also by SIGKILL), the server gets SIGNAL, then SIGKILL after GRACE_SECONDS. If the parent
has ended, FOLDER is removed. PR_SET_PDEATHSIG in the parent is not enough, because it fires when the thread that started the process ends.
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
_POLL = 0.25  # seconds between checks of the parent and the server


def main() -> int:
    parent, folder, number, grace, command = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
    stop_reader, stop_writer = os.pipe()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: os.write(stop_writer, b"x"))
    libc = ctypes.CDLL(None, use_errno=True)
    # The server ends even if this guard gets SIGKILL. The signal is reliable here, because this process has only one thread.
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    try:
        while server.poll() is None and os.getppid() == parent:
            # The parent is checked too, because a forked child of it can keep stdin open.
            if select.select([sys.stdin, stop_reader], [], [], _POLL)[0]:
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
