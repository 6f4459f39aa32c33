"""rdspool: get_engine() with settings from the environment. rdspool signs the token."""

from __future__ import annotations

import sys

from .contender import Contender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class Rdspool(Contender):
    name = "rdspool"
    label = "rdspool"
    how = "from rdspool import get_engine; get_engine() with settings from the environment; rdspool signs the token"
    ships_authorities = True
    packages = ("rdspool", "SQLAlchemy", "mysql-connector-python")

    def load(self) -> None:
        from rdspool import get_engine

        self.get_engine = get_engine

    def engine(self) -> Engine:
        return self.get_engine()

    def autocommit_engine(self) -> Engine:
        names = ("host", "port", "user", "database", "ca")
        given = {name: self.place[f"RDSPOOL_{name.upper()}"] for name in names}
        return self.get_engine("autocommit", **{**given, "port": int(given["port"])}, isolation_level="AUTOCOMMIT")


class Before(Rdspool):
    """The rdspool of the commit that `--before` names, to measure the effect of a change in one run."""

    name = "before"
    label = "rdspool before"
    how = "the rdspool of the commit of --before"

    def load(self) -> None:
        sys.path.insert(0, self.place["BENCH_BEFORE"])
        super().load()
