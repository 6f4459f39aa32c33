"""The process of the AWS API: `python -m local.aws`, started by client.py, which talks to it over stdin, stdout and the control path.

Standard input gives one line of JSON (token, direct_upload); its end is the sign to stop.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def main() -> int:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    settings = json.loads(sys.stdin.readline())
    try:
        # Late, and in this process alone: moto is heavy, and not everybody who uses local/ has it.
        from moto.iam.models import get_account_id_from
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from moto.server import ThreadedMotoServer

        from . import additions
        from .proxy import Proxy
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error.name} is missing: `. local/setup.sh; setup_venv tests` installs it\n")
        return 3
    proxy = Proxy(settings["token"], get_account_id_from)
    additions.install(proxy.address, settings["direct_upload"])
    MotoRequestHandler.disable_nagle_algorithm = True
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    proxy.backend = moto.get_host_and_port()[1]
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"address": proxy.address}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    # Threads may wait for clients that never come back.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
