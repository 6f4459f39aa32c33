"""Connection attributes: what tells the one who looks at the server's connections whose each is."""

from __future__ import annotations

import os
import sys
from functools import cache

from mysql.connector.version import VERSION_TEXT

from ..version import __version__


@cache
def machine() -> dict[str, str]:
    """Connection attributes that the process keeps: under the names that MySQL's own clients use."""
    return {
        "_client_name": "mysql-connector-python",
        "_client_version": VERSION_TEXT,
        "_os": sys.platform,
        "_platform": os.uname().machine,
        "rdspool_version": __version__,
    }


def function() -> dict[str, str]:
    """Connection attributes that tell whose connection it is to the one who looks at the server's process list."""
    attributes = {"_pid": str(os.getpid())}
    for name, variable in (("program_name", "AWS_LAMBDA_FUNCTION_NAME"), ("lambda_log_stream", "AWS_LAMBDA_LOG_STREAM_NAME")):
        if os.environ.get(variable):
            attributes[name] = os.environ[variable][:120]
    return attributes
