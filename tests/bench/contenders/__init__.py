"""Who is measured: one class per contender. A new one is a class, and its name here; what it needs beyond requirements.in goes
into NAME.in beside it.

These modules are loaded by the workers before the clock starts: they import nothing that a contender's own imports would.
"""

from __future__ import annotations

from .contender import Contender
from .imports import Imports
from .original import Original
from .rdspool import Before, Rdspool
from .stock import PyMySQL, StockC, StockPure
from .wrapper import Wrapper

BASELINE: type[Contender] = Imports
"""Only the imports that all but PyMySQL's user share; measured beside the contenders, and it connects to nothing."""
CONTENDERS: tuple[type[Contender], ...] = (Original, StockPure, StockC, PyMySQL, Wrapper, Rdspool)
"""In the order in which they take turns and stand in the table."""
PEERS = ("stock_c", "pymysql", Before.name)
"""Whom ratios are given against: the stock driver in C, the SQLAlchemy driver with the fewest round trips, and rdspool before a change."""
BY_NAME: dict[str, type[Contender]] = {contender.name: contender for contender in (BASELINE, *CONTENDERS, Before)}
