"""A network that goes silent: a client in a network namespace of its own, whose link is cut in the middle of things.

A relay that only swallows bytes would still acknowledge them, and no kernel would notice. As a script it is the gateway: it makes the two
namespaces, relays from its end of the link to a Unix socket, and runs the client in the other one. It needs no root.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import namespaces

ROOT = Path(__file__).resolve().parents[2]
GATEWAY, CLIENT, PREFIX = "10.99.0.1", "10.99.0.2", 30
CONTROL = "CUT_NETWORK_CONTROL"


# -- in the test's process ----------------------------------------------------------------------------------------------------------


@contextmanager
def unix_relay(path: Path, address: tuple[str, int]) -> Iterator[None]:
    """Relay from a Unix socket, which every network namespace sees, to an address of this one."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=relay, args=(listener, lambda: socket.create_connection(address)), daemon=True).start()
        yield


def run_client(folder: Path, address: tuple[str, int], source: str, **given: Any) -> Any:
    """Run `source` behind a link that it can `cut()`, with `given`; return what it prints, as JSON. The server is at GATEWAY and its port there."""
    script = folder / "client.py"
    script.write_text(source)
    path = folder / "server.sock"
    with unix_relay(path, address):
        command = [sys.executable, __file__, str(path), str(address[1]), str(script), json.dumps(given)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout.splitlines()[-1])


# -- in the client ---------------------------------------------------------------------------------------------------------------------


def cut() -> None:
    """Take the link down, from the gateway's side: nothing more comes through, and nobody says so."""
    fd = int(os.environ[CONTROL])
    os.write(fd, b"cut\n")
    assert os.read(fd, 10) == b"done\n"


# -- the gateway -----------------------------------------------------------------------------------------------------------------------


def relay(listener: socket.socket, connect: Any) -> None:
    """Accept clients and relay each to a connection of its own."""
    while True:
        client, _ = listener.accept()
        server = connect()
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=pump, args=(source, target), daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until one side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def new_user_namespace() -> None:
    """Become root of a user namespace of one's own, with a network namespace that has nothing yet."""
    namespaces.enter(os.CLONE_NEWNET)


def main(path: str, port: str, script: str, given: str) -> int:
    """Run the client script; return its exit status."""
    from pyroute2 import IPRoute

    def up(ip: IPRoute, name: str, address: str | None = None) -> None:
        index = ip.link_lookup(ifname=name)[0]
        if address is not None:
            ip.addr("add", index=index, address=address, prefixlen=PREFIX)
        ip.link("set", index=index, state="up")

    new_user_namespace()
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        os.unshare(os.CLONE_NEWNET)
        theirs.sendall(b"new\n")
        assert theirs.recv(10) == b"moved\n"
        with IPRoute() as ip:
            up(ip, "lo")
            up(ip, "client", CLIENT)
        os.set_inheritable(theirs.fileno(), True)
        os.environ[CONTROL] = str(theirs.fileno())
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), str(ROOT), str(ROOT / "python")])
        os.execv(sys.executable, [sys.executable, script, given])  # noqa: S606 - the namespace has no shell
    with IPRoute() as ip:
        assert ours.recv(10) == b"new\n"
        ip.link("add", ifname="gateway", kind="veth", peer="client")
        ip.link("set", index=ip.link_lookup(ifname="client")[0], net_ns_fd=f"/proc/{child}/ns/net")
        up(ip, "lo")
        up(ip, "gateway", f"{GATEWAY}")
        listener = socket.create_server((GATEWAY, int(port)))

        def connect() -> socket.socket:
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            return server

        threading.Thread(target=relay, args=(listener, connect), daemon=True).start()
        ours.sendall(b"moved\n")

        def obey() -> None:
            while ours.recv(10) == b"cut\n":
                ip.link("set", index=ip.link_lookup(ifname="gateway")[0], state="down")
                ours.sendall(b"done\n")

        threading.Thread(target=obey, daemon=True).start()
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
