"""A network in which nothing answers: no name server, and no host. As a script, it runs the doctor in it and prints the report.

It makes a network namespace with a link that leads to nothing, and a mount namespace with an /etc/resolv.conf whose name server is there. It
needs no root.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import namespaces

ROOT = Path(__file__).resolve().parents[2]
SILENT = "10.99.1.2"
"""An address to which packets go, and from which none come."""
_OURS = "10.99.1.1"


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command, with these variables, in a network in which nothing answers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RDSPOOL_")} | variables
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "python")])
    started = [sys.executable, __file__, str(folder), *command]
    return subprocess.run(started, env=environment, capture_output=True, text=True, timeout=120, check=False)


def main(folder: str, *command: str) -> None:
    from pyroute2 import IPRoute

    namespaces.enter(os.CLONE_NEWNET | os.CLONE_NEWNS)
    with IPRoute() as ip:
        ip.link("add", ifname="here", kind="veth", peer="nothing")
        for name in ("nothing", "here"):
            index = ip.link_lookup(ifname=name)[0]
            ip.link("set", index=index, state="up")
        ip.addr("add", index=index, address=_OURS, prefixlen=24)
        # The other end of the link is not this one, so it drops what comes. Without this, the kernel would report that no host is there.
        ip.neigh("add", dst=SILENT, lladdr="02:00:00:00:00:01", ifindex=index, state=128)  # NUD_PERMANENT
    resolver = Path(folder) / "resolv.conf"
    resolver.write_text(f"nameserver {SILENT}\noptions timeout:30\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
    os.execv(command[0], command)  # noqa: S606 - the namespace has no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
