"""rdspool: a pooled SQLAlchemy engine on Amazon RDS and Aurora MySQL from AWS Lambda, signed in with IAM.

    from rdspool import get_engine

    engine = get_engine()

What runs inside the function lives here, and nothing that builds, publishes or tests it. A module is named by its one concept.
"""

from .engine import get_engine
from .errors import CredentialsError, RdspoolError, SettingsError
from .settings import Settings
from .version import __version__

__all__ = ["CredentialsError", "RdspoolError", "Settings", "SettingsError", "__version__", "get_engine"]
