"""rdspool: a pooled SQLAlchemy engine on Amazon RDS and Aurora MySQL from AWS Lambda, signed in with IAM.

    from rdspool import get_engine

    engine = get_engine()

What runs inside the function lives here, and nothing that builds, publishes or tests it. What users may import lies flat: `engine`,
`deadlines`, `settings`, `errors`, `dbapi`, `dialect`, `creator`, `pool`, `secret`. What has an underscore is not theirs.
"""

import gc as _gc

# The imports below make some 45,000 objects that live as long as the process. The collector would look through them while they
# come in, and again in later invocations, where 1 ms of CPU is 14 ms of waiting at 128 MB: frozen, it leaves them alone.
_gc_was_on = _gc.isenabled()
_gc.disable()
try:
    try:
        # In a layer, the modules below come from archives.
        import rdspool_imports as _imports  # noqa: F401
    except ImportError:
        pass

    from ._lambda import installation as _installation

    try:
        from .deadlines import deadline
        from .engine import get_engine, reset
        from .errors import (
            CertificateError,
            ConnectError,
            ConnectTimeoutError,
            CredentialsError,
            DeadlineError,
            OutcomeUnknownError,
            ProtocolError,
            ProxyTimeoutError,
            RdspoolError,
            ReadOnlyServerError,
            SettingsError,
            SignInError,
            StatementTimeoutError,
            TooManyConnectionsError,
            UnitError,
            UnreachableError,
        )
        from .settings import Settings
        from .units import run
        from .version import __version__

    except ImportError as _error:
        raise _installation.explained(_error) from _error

    _gc.freeze()
finally:
    if _gc_was_on:
        _gc.enable()

_installation.check_versions()
UntestedVersionWarning = _installation.UntestedVersionWarning

__all__ = [
    "CertificateError",
    "ConnectError",
    "ConnectTimeoutError",
    "CredentialsError",
    "DeadlineError",
    "OutcomeUnknownError",
    "ProtocolError",
    "ProxyTimeoutError",
    "RdspoolError",
    "ReadOnlyServerError",
    "Settings",
    "SettingsError",
    "SignInError",
    "StatementTimeoutError",
    "TooManyConnectionsError",
    "UnitError",
    "UnreachableError",
    "UntestedVersionWarning",
    "__version__",
    "deadline",
    "get_engine",
    "reset",
    "run",
]
