"""The process of the front. `local.front.start` runs it and writes one line of JSON to its stdin. Run manually, it prints its usage."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from typing import Any

from . import control
from .backend import Address
from .endpoint import Endpoint, listen
from .iam import Credentials, TokenCheck
from .proxy import Proxy
from .proxy.pool import Pool
from .sign_in import SignInOptions
from .tls import ServerContexts, TlsOptions

USAGE = """\
python -m local.front is the process of the RDS front: an Amazon RDS endpoint for MySQL's protocol, before a
real server. Start it from Python, which passes its secrets over standard input:

    from local.front import Credentials, start
    with start(server, users={"app": password}, credentials=Credentials(...), region="eu-central-1") as front:
        ...                              # connect to 127.0.0.1, front.port
"""
POLL = 0.25  # seconds between checks of the parent


def main() -> int:
    if sys.stdin is None or sys.stdin.isatty() or not (line := sys.stdin.readline()).strip():
        sys.stderr.write(USAGE)
        return 2
    config: dict[str, Any] = json.loads(line)
    try:
        listener = listen(config["port"], config["address"])
    except OSError as problem:
        _write({"error": f"the front cannot listen: {problem}"})
        return 1
    port = listener.getsockname()[1]
    options = SignInOptions(
        users=config["users"],
        check=TokenCheck(
            Credentials(**config["credentials"]), config["region"], config["host"], config["token_port"] or port, config["aliases"]
        ),
        direct_clear_password=config["direct_clear_password"],
        require_tls=config["require_tls"],
    )
    address = Address(**config["backend"])
    pool = Pool(address, config["users"], Proxy(**config["proxy"])) if config["proxy"] else None
    endpoint = Endpoint(listener, options, ServerContexts(TlsOptions(**config["tls"])), address, pool)
    server = control.serve(endpoint, config["token"])
    threading.Thread(target=_end_with, args=(config["parent"],), name="parent", daemon=True).start()
    # A garbage collection between two packets would be measured as latency.
    gc.freeze()
    _write({"port": port, "control": server.server_address[1]})
    server.serve_forever()
    return 0


def _write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _end_with(parent: int) -> None:
    """End this process when stdin is closed or the parent has ended. A forked child of the parent can keep stdin open."""

    def read() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
