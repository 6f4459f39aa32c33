"""What `role="writer"` asks for: a server that takes writes."""

from __future__ import annotations

from typing import Final

from ._driver import probes
from ._driver.connection import Connection
from ._driver.error_numbers import OPTION_PREVENTS_STATEMENT
from .deadlines import Limit
from .errors import ReadOnlyServerError
from .settings import Settings

READ_ONLY: Final = ("@@global.read_only", "@@global.innodb_read_only")
"""What a reader has on: a replica of RDS the first, one of Aurora the second."""


def check(made: Connection, settings: Settings, limit: Limit) -> None:
    """Close the connection where its server takes no writes. Raises ReadOnlyServerError then."""
    if not made.asked:
        made.limit(limit)
        try:
            made.asked = probes.ask(made, *READ_ONLY)
        except BaseException:
            made.close()
            raise
        made.limit(None)
    if any(str(made.asked[variable]).upper() not in ("0", "OFF", "NONE") for variable in READ_ONLY):
        made.close()
        raise ReadOnlyServerError(
            f'{settings.host}:{settings.port} leads to a server that takes no writes, and {settings.sources["role"]}, which is "writer", asks for '
            "one that does: give the cluster's writer endpoint; after a failover its name leads to the new writer within a minute",
            errno=OPTION_PREVENTS_STATEMENT,
        )
