"""rdspool: a pooled SQLAlchemy engine on Amazon RDS and Aurora MySQL from AWS Lambda, signed in with IAM.

    from rdspool import get_engine

    engine = get_engine()

What runs inside the function lives here, and nothing that builds, publishes or tests it. A module is named by its one concept.
"""

import gc as _gc
import os as _os
from contextlib import suppress as _suppress

if any(value.lower() == "c" for name, value in _os.environ.items() if name.startswith("RDSPOOL_") and name.endswith("DRIVER")):
    # The C extension needs an OpenSSL as new as its own, and gets it only where it is loaded before the ssl module. Where it can't be
    # loaded, get_engine() says so.
    with _suppress(ImportError):
        import _mysql_connector as _mysql_connector

# The imports below make some 45,000 objects that live as long as the process. The collector would look through them while they
# come in, and again in later invocations, where 1 ms of CPU is 14 ms of waiting at 128 MB: frozen, it leaves them alone.
_gc_was_on = _gc.isenabled()
_gc.disable()
try:
    from .engine import get_engine
    from .errors import CredentialsError, RdspoolError, SettingsError
    from .settings import Settings
    from .version import __version__

    _gc.freeze()
finally:
    if _gc_was_on:
        _gc.enable()

__all__ = ["CredentialsError", "RdspoolError", "Settings", "SettingsError", "__version__", "get_engine"]
