"""What a contender is to the benchmark: its imports, and its engine."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs the import that is measured
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy.engine import Engine


class Contender:
    """One way to reach the server. `place` is the worker's environment: RDSPOOL_HOST and so on."""

    name = ""
    """As --only and the JSON have it."""
    label = ""
    """As the table and the chart have it."""
    how = ""
    """What is measured, in a sentence."""
    packages: tuple[str, ...] = ()
    """Distributions whose versions count."""
    ships_authorities = False
    """Whether it brings the authorities of RDS with it; others are given the bundle that AWS offers."""
    engines = True
    """Whether it makes an engine at all."""

    def __init__(self, place: Mapping[str, str]) -> None:
        self.place = place
        self.token = ""
        """A token that is good now, for those who do not sign themselves."""

    def load(self) -> None:
        """Import what the contender needs, as its user's handler would at the top."""
        raise NotImplementedError

    def engine(self) -> Engine:
        """Return the engine as its user would make it."""
        raise NotImplementedError

    def autocommit_engine(self) -> Engine:
        """Return a second engine, in AUTOCOMMIT."""
        raise NotImplementedError

    def driver(self, dbapi_connection: Any) -> str:
        """Return the class of the connection under SQLAlchemy's, which tells pure Python from C."""
        return type(dbapi_connection).__name__
