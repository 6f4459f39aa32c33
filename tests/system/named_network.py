"""A network with a name server of its own, which knows aliases. As a script, it runs a command in it.

It makes a network namespace with nothing but a loopback, a mount namespace with an /etc/resolv.conf, and serves DNS there. It needs no root.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import namespaces

ROOT = Path(__file__).resolve().parents[2]
_CNAME, _A, _IN = 5, 1, 1


def run(folder: Path, names: Mapping[str, str], *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command, with these variables, where each of `names` is an alias of another one, or has an IPv4 address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RDSPOOL_")} | variables
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "python")])
    started = [sys.executable, __file__, str(folder), json.dumps(dict(names)), *command]
    return subprocess.run(started, env=environment, capture_output=True, text=True, timeout=120, check=False)


def main(folder: str, names: str, *command: str) -> int:
    from pyroute2 import IPRoute

    namespaces.enter(os.CLONE_NEWNET | os.CLONE_NEWNS)
    with IPRoute() as ip:
        ip.link("set", index=ip.link_lookup(ifname="lo")[0], state="up")
    resolver = Path(folder) / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 53))
    threading.Thread(target=_serve, args=(listener, json.loads(names)), daemon=True).start()
    return subprocess.run(command, check=False).returncode


def _serve(listener: socket.socket, names: Mapping[str, str]) -> None:
    while True:
        question, client = listener.recvfrom(512)
        listener.sendto(_answer(question, names), client)


def _answer(question: bytes, names: Mapping[str, str]) -> bytes:
    """Return the whole way from the name to its address, as resolvers do (RFC 1034, section 3.6.2)."""
    at, labels = 12, []
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    (kind,) = struct.unpack_from(">H", question, at + 1)
    name, records = ".".join(labels).lower(), []
    while name in names:
        target = names[name]
        if target[0].isdigit():
            if kind == _A:
                records.append(_record(name, _A, socket.inet_aton(target)))
            break
        records.append(_record(name, _CNAME, _encoded(target)))
        name = target
    flags = 0x8180 if ".".join(labels).lower() in names else 0x8183  # NXDOMAIN
    return question[:2] + struct.pack(">5H", flags, 1, len(records), 0, 0) + question[12 : at + 5] + b"".join(records)


def _record(name: str, kind: int, data: bytes) -> bytes:
    return _encoded(name) + struct.pack(">2HIH", kind, _IN, 60, len(data)) + data


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
