"""rdspool: get_engine() with settings from the environment, from the layer as it is built. rdspool signs the token."""

from __future__ import annotations

import site
import sys

from .contender import Contender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class Rdspool(Contender):
    name = "rdspool"
    label = "rdspool"
    how = "the layer; from rdspool import get_engine; get_engine() with settings from the environment; rdspool signs the token"
    ships_authorities = True
    packages = ("rdspool", "SQLAlchemy", "mysql-connector-python")

    def begin(self) -> None:
        # The layer takes the place of the environment's packages, and is added as Lambda's runtime does it.
        sys.path[:] = [folder for folder in sys.path if folder.startswith(sys.base_prefix) and not folder.endswith("-packages")]
        site.addsitedir(self.place[f"BENCH_LAYER_{self.name}"])

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
    how = "the layer of the commit of --before"
