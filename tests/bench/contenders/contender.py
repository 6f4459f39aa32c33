"""The base class of contenders."""

from __future__ import annotations

TYPE_CHECKING = False  # the import of typing would be missing in the measurement
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy.engine import Engine


class Contender:
    """A way to connect to the server. `place` are the environment variables of the worker: RDSPOOL_HOST and so on."""

    name = ""
    """The name for --only and in the JSON."""
    label = ""
    """The name in the table and the chart."""
    how = ""
    """The set-up, in a sentence."""
    packages: tuple[str, ...] = ()
    """The packages whose versions are reported."""
    connector_c = False
    """Whether its driver is compiled against MariaDB Connector/C."""
    ships_authorities = False
    """Whether it ships the authorities of RDS. The others use the bundle that AWS offers."""

    def __init__(self, place: Mapping[str, str]) -> None:
        self.place = place
        self.token = ""
        """A valid token, for contenders that do not sign tokens."""

    def begin(self) -> None:
        """Do what comes before the first import, even before an `import sqlalchemy` of the handler."""

    def load(self) -> None:
        """Import the contender's modules, as a handler would at its top."""
        raise NotImplementedError

    def engine(self) -> Engine:
        """Return the engine that a user would create."""
        raise NotImplementedError

    def autocommit_engine(self) -> Engine:
        """Return a second engine with isolation level AUTOCOMMIT."""
        raise NotImplementedError

    def driver(self, dbapi_connection: Any) -> str:
        """Return the class of the driver's connection, which shows whether it is pure Python or C."""
        return type(dbapi_connection).__name__
