"""The contenders, one class each. A new contender needs a class, an entry below, and NAME.in for packages that requirements.in lacks.

The workers load these modules before the measurement, so they must not import modules that a contender imports.
"""

from __future__ import annotations

from .connector_c import MariaDB, Mysqlclient
from .contender import Contender
from .original import Original
from .rdspool import Before, Rdspool
from .stock import PyMySQL, StockC, StockPure
from .wrapper import Wrapper

CONTENDERS: tuple[type[Contender], ...] = (Original, StockPure, StockC, Mysqlclient, MariaDB, PyMySQL, Wrapper, Rdspool)
"""In the order of the rounds and of the table."""
PEERS = ("stock_c", "mysqlclient", "mariadb", Before.name)
"""The peers of the ratios: the drivers in C, and rdspool before a change."""
BY_NAME: dict[str, type[Contender]] = {contender.name: contender for contender in (*CONTENDERS, Before)}
