"""A hosts file of this process: the names in FUNCTION_PROCESS_HOSTS resolve to the addresses there."""

import json
import os
import socket
from typing import Any

_hosts = {name.encode(): address for name, address in json.loads(os.environ.get("FUNCTION_PROCESS_HOSTS") or "{}").items()}
_real = socket.getaddrinfo


def _getaddrinfo(host: Any, *more: Any, **options: Any) -> Any:
    return _real(_hosts.get(host.encode() if isinstance(host, str) else host, host), *more, **options)


socket.getaddrinfo = _getaddrinfo
