"""The steps "clock", "database" and "role": what the server says once somebody has signed in."""

from __future__ import annotations

import time
from typing import Any, Final

from mysql.connector.errors import Error

from .._aws import diagnosis
from .._aws.endpoints import region_of
from .._driver.connection import Connection
from .._driver.error_numbers import ACCESS_DENIED_TO_DATABASE
from ..settings import Settings
from . import advice
from .identity import learn
from .patient import Patient
from .step import FAILED, OK, WARNING, Finding, skipped

LATE: Final = 60
"""Seconds of difference between two clocks from which on the doctor warns. A token bears 300, and 900 the other way."""
_READ_ONLY: Final = ("@@global.read_only", "@@global.innodb_read_only")
_MOST: Final = 100
"""Names of databases that are shown."""


def ask(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def clock(patient: Patient) -> Finding:
    """Compare the clock here with the server's, or with that of AWS where nobody is signed in."""
    facts: dict[str, Any] = {"here": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    learn(patient, wait=patient.connection is None)
    ahead, whose = patient.skew, "AWS"
    if patient.connection is not None:
        before = time.time()
        ((there,),) = ask(patient.connection, "SELECT UNIX_TIMESTAMP(NOW(6))")
        ahead, whose = (before + time.time()) / 2 - float(there), "the server"
    if ahead is None:
        return skipped("nothing is in reach whose clock can be compared: neither the server, for want of a sign-in, nor STS")
    facts |= {"ahead_seconds": round(ahead, 3), "compared_with": whose}
    found = f"the clock here is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} that of {whose}"
    if abs(ahead) < LATE:
        return Finding(OK, found, facts)
    return Finding(
        WARNING if patient.connection is not None else FAILED,
        found,
        facts,
        cause="A token is refused that is signed more than 300 s ahead of AWS's clock, or more than 900 s behind it",
        fix=["Correct the clock here, for example with: chronyc makestep"],
    )


def database(patient: Patient) -> Finding:
    """Use the default database, and see which ones there are."""
    settings, connection = patient.settings, patient.session
    seen = sorted(str(name) for (name,) in ask(connection, "SHOW DATABASES"))[:_MOST]
    if settings.database is None:
        return Finding(OK, "no default database is set (RDSPOOL_DATABASE)", {"database": None, "seen": seen})
    facts = {"database": settings.database, "seen": seen}
    name = settings.database.replace("`", "``")
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"USE `{name}`")
    except Error as error:
        explained = diagnosis.explain(error, settings, None, patient.limit())
        fix = [f"CREATE DATABASE `{name}`;", advice.grant(settings)]
        close = _near(settings.database, seen)
        if error.errno == ACCESS_DENIED_TO_DATABASE:
            fix = [advice.grant(settings), f"If it does not exist, for the server says the same then: CREATE DATABASE `{name}`;"]
        return Finding(FAILED, str(error.msg), facts, cause=explained.msg, fix=[*([f"RDSPOOL_DATABASE={close}"] if close else []), *fix])
    return Finding(OK, f"{settings.user!r} uses the database {settings.database!r}", facts)


def _near(wanted: str, seen: list[str]) -> str | None:
    import difflib

    found = difflib.get_close_matches(wanted, seen, n=1, cutoff=0.6)
    return found[0] if found else None


def role(patient: Patient) -> Finding:
    """See whether the server takes writes."""
    settings, connection = patient.settings, patient.session
    row = connection.variables(*_READ_ONLY, "@@hostname", "VERSION()")
    values = dict(zip(_READ_ONLY, (str(value).upper() for value in row), strict=False))
    reads_only = any(value not in ("0", "OFF", "NONE") for value in values.values())
    facts = {"role": "reader" if reads_only else "writer", "server": str(row[2]), "version": str(row[3]), "wanted": settings.role}
    if not reads_only:
        return Finding(OK, f"the server {facts['server']} is a writer", facts)
    found = f"the server {facts['server']} is a reader: it takes no writes"
    fix = [_writer_endpoint(settings)]
    if settings.role == "writer":
        return Finding(
            FAILED, found, facts, cause="RDSPOOL_ROLE=writer asks for a server that takes writes, and this endpoint leads to none", fix=fix
        )
    if ".cluster-ro-" in settings.own_name:
        return Finding(OK, found, facts)
    return Finding(WARNING, found, facts, cause="A statement that writes fails there with error 1290, 1836 or 1874", fix=fix)


def _writer_endpoint(settings: Settings) -> str:
    name = settings.own_name
    if region_of(name) and ".cluster-ro-" in name:
        also = "" if settings.endpoint is None else ", and leave RDSPOOL_ENDPOINT out"
        return f"RDSPOOL_HOST={name.replace('.cluster-ro-', '.cluster-', 1)}{also}"
    where = f" --region {settings.region}" if settings.region else ""
    return f"Set RDSPOOL_HOST to the cluster's writer endpoint: aws rds describe-db-clusters --query 'DBClusters[].Endpoint'{where}"
