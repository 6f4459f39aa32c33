"""The step "proxy": whether the endpoint is an RDS Proxy, and what would pin its connections."""

from __future__ import annotations

from typing import Final

from .._aws.endpoints import is_proxy
from .._driver.effects import PINS_FROM
from .patient import Patient
from .step import OK, WARNING, Finding, skipped

PINS: Final = (
    "SET of a variable that the proxy does not track, such as SET @name = ... or SET SESSION sort_buffer_size = ...",
    "CREATE TEMPORARY TABLE",
    "LOCK TABLES, and GET_LOCK()",
    "PREPARE and EXECUTE, and prepared statements of the protocol",
    "HANDLER",
    "several statements in one command",
    f"a statement of more than {PINS_FROM:,} bytes",
)
"""What pins: Amazon RDS User Guide, "Avoiding pinning an RDS Proxy". Nothing that rdspool sends by itself is among it."""


def look(patient: Patient) -> Finding:
    """Tell what pins, where the endpoint is a proxy."""
    settings = patient.settings
    if not is_proxy(settings.own_name):
        return skipped(f"{settings.own_name} is not the endpoint of an RDS Proxy")
    facts = {"pins": list(PINS), "reset_session": settings.reset_session, "multi_statements": settings.multi_statements}
    found = f"{settings.own_name} is an RDS Proxy; rdspool's own statements do not pin"
    if settings.multi_statements:
        return Finding(
            WARNING,
            found,
            facts,
            cause="RDSPOOL_MULTI_STATEMENTS=true: a command with several statements pins the connection",
            fix=["RDSPOOL_MULTI_STATEMENTS=false"],
        )
    if not settings.reset_session:
        return Finding(
            WARNING,
            found,
            facts,
            cause="RDSPOOL_RESET_SESSION=false: a connection that a statement has pinned stays pinned as long as it lives",
            fix=["RDSPOOL_RESET_SESSION=true"],
        )
    return Finding(OK, found, facts)
