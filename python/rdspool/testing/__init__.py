"""For the tests of functions: what the fixtures of `rdspool_pytest` are made of, for fixtures of one's own.

Nothing of rdspool imports this package, and no layer has it: it comes with `pip install rdspool`.
"""

from .context import LambdaContext
from .rollback import rolled_back
from .sqlite import in_sqlite

__all__ = ["LambdaContext", "in_sqlite", "rolled_back"]
