"""The process of the AWS API, `python -m local.aws`. client.py starts it and uses stdin, stdout and the control path.

The first line of stdin is JSON (token, direct_upload). The process ends when stdin is closed.
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
        # Imported late and only in this process, because moto is slow to import and only the tests install it.
        from moto.iam.models import get_account_id_from
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from moto.server import ThreadedMotoServer

        from . import additions
        from .functions import Functions
        from .proxy import Proxy
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error.name} is missing: `. local/setup.sh; setup_venv tests` installs it\n")
        return 3
    functions = Functions()
    proxy = Proxy(settings["token"], get_account_id_from, functions)
    functions.install()
    additions.install(proxy.address, settings["direct_upload"])
    MotoRequestHandler.disable_nagle_algorithm = True
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    proxy.backend = moto.get_host_and_port()[1]
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"address": proxy.address}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    functions.settings({}, {}, None)
    # Not sys.exit(): threads may still wait for clients.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
