"""The compiled part of the driver, one file, on each Python that a layer is made for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layer import matrix
from layer.building import extension, interpreter

ROWS = """
import array, datetime, decimal, sys
sys.path.insert(0, sys.argv[1])
import _compiled
D, T = datetime.datetime.fromisoformat, datetime.timedelta
KINDS = b"btiffBdDDDTTob"
CALLED = (*[None] * 6, decimal.Decimal, datetime.date.fromisoformat, D, D, T, T, lambda value: sorted(value), None)
SENT = [b"\\xff", "größe".encode(), b"-42", b"0.1", b"1e-300", b"\\x01\\x02", b"-1.50", b"2026-11-23", b"2026-11-23 01:02:03.5",
        b"0000-00-00 00:00:00", b"-838:59:59", b"00:00:00.000001", b"ba", None]
payload = b"".join(b"\\xfb" if value is None else bytes([len(value)]) + value for value in SENT)
packet = len(payload).to_bytes(3, "little") + b"\\0" + payload
found = []
for _ in range(1000):
    found.clear()
    assert _compiled.rows(KINDS, CALLED, packet, 0, 0, 9, found) == len(packet)
assert _compiled.row(KINDS, CALLED, payload) == found[0]
assert _compiled.row(KINDS, CALLED, payload[:-1]) is None
def interrupted(value):
    raise KeyboardInterrupt
try:
    _compiled.row(b"o", (interrupted,), b"\\0")
except KeyboardInterrupt:
    print(sys.version_info[:2], found)
"""


EXCHANGE = """
import gc, socket, sys
sys.path.insert(0, sys.argv[1])
import _compiled
(ours, theirs), (quiet, peer) = socket.socketpair(), socket.socketpair()
class State(_compiled.Exchange):
    pass
def exchange(came, known):
    made = State()
    made.ready = quiet.fileno(), ours.send, ours.recv, 99, True
    made.status = made.commands = 0
    made.status_known = made._answering = made._sent_whole = False
    made._sent, made._limits, made._part, made._until, made.itself = None, made, 1.0, 1e300, made
    theirs.sendall(came)
    found = made._usual(b"\\x0e", known, made, 1.0)
    assert theirs.recv(99) == b"\\1\\0\\0\\0\\x0e"
    return found, made.status, made.commands, made._began > 0
for _ in range(1000):
    came = b"\\7\\0\\0\\1\\0\\1\\2\\3\\0\\4\\0"
    assert exchange(came, None) == ((1, 2, 3, 4), 3, 1, True)
    known = b"i", (None,), b"\\1\\0\\0\\1\\1", 2
    came = b"\\1\\0\\0\\1\\1\\2\\0\\0\\2\\x015\\7\\0\\0\\3\\xfe\\0\\0\\2\\0\\0\\0"
    assert exchange(came, known) == (([(5,)], 2, 0), 2, 1, True)
ours.settimeout(0.001)
late = exchange(b"", None)
print(sys.version_info[:2], type(late[0]).__name__, late[1:], gc.collect() > 0)
"""


def run(python, folder, script):
    """Return how a script ends on this Python. Its argument is a folder with the compiled part alone."""
    place = folder / Path(extension.PATH).name
    place.write_bytes((matrix.PROJECT / "python" / extension.PATH).read_bytes())
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    command = [interpreter.find(python, lambda line: sys.stderr.write(f"{line}\n")), "-X", "dev", "-c", script, str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("python", matrix.names("python"))
def test_rows_are_read_the_same_on_every_python(python, tmp_path):
    result = run(python, tmp_path, ROWS)
    assert result.stdout.strip() == (
        f"({python.replace('.', ', ')}) [(b'\\xff', 'größe', -42, 0.1, 1e-300, 258, Decimal('-1.50'), datetime.date(2026, 11, 23), "
        "datetime.datetime(2026, 11, 23, 1, 2, 3, 500000), None, datetime.timedelta(days=-35, seconds=3601), "
        "datetime.timedelta(microseconds=1), [97, 98], None)]"
    ), result.stderr


@pytest.mark.parametrize("python", matrix.names("python"))
def test_an_exchange_is_the_same_on_every_python(python, tmp_path):
    result = run(python, tmp_path, EXCHANGE)
    assert result.stdout.strip() == f"({python.replace('.', ', ')}) TimeoutError (0, 1, True) True", result.stderr
