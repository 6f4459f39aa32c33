"""Run what the drawings show, and return what happened when."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import secrets
import subprocess
import threading
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rdspool import deadline, get_engine, run
from sqlalchemy import text

import local.cluster
from local import endpoint, environment
from local.front import Credentials

from .recorder import ADDRESS, Recorder, exchanges, recording

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = Path(__file__).with_name("function")
DELAY = 0.001
"""Seconds by which each answer of the database is delayed: this machine has no network between the two."""
RECYCLE = 2
"""Seconds of RDSPOOL_POOL_RECYCLE."""
ENVIRONMENTS = 9
"""Environments that are started, one after the other."""
WAYS = {
    "cold-start": ("TLS: hello and certificate", "sign-in with the token", "session, first questions", "SELECT", "ROLLBACK"),
    "warm-start": ("SELECT", "ROLLBACK"),
    "reconnect": ("TLS: resumed", "sign-in with the token", "session", "SELECT", "ROLLBACK"),
}
"""The round trips of each run, in order. A run with another number is refused."""
UNIT_EVERY, BEFORE, LAG, AFTER = 0.2, 1.0, 1.5, 1.5
"""Seconds between the units of work, before the failover, until the name moves, and after that."""


class Unexpected(Exception):
    """A run did not show what the drawing is about."""


def facts() -> dict[str, Any]:
    """Return the date and the versions of a run."""
    names = ("rdspool", "SQLAlchemy", "mysql-connector-python")
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {name: version(name) for name in names} | {"Python": platform.python_version()},
        "delay_ms": DELAY * 1000,
        "runs": ENVIRONMENTS,
    }


def starts() -> dict[str, Any]:
    """Return the parts of a cold start, a warm start and a reconnect: name, begin and end in ms, by "init" and "invocation".

    Each is the fastest of `ENVIRONMENTS` runs: other processes of the machine only make a run slower.
    """
    python = ".".join(platform.python_version_tuple()[:2])
    command = [str(ROOT / "build.sh"), "--json", "--no-docker", "--python", python]
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    layer = ROOT / "dist" / json.loads(built.stdout.splitlines()[-1])["file"]
    with endpoint.start() as database, recording(database.front.address, database.front.port) as recorder:
        database.front.delay(DELAY)
        found = [_one(database, recorder, layer, python) for _ in range(ENVIRONMENTS)]
    return {name: min((one[name] for one in found), key=_duration) for name in WAYS}


def _duration(run: dict[str, Any]) -> float:
    return float(run["total"] + sum(part["end"] - part["begin"] for part in run["init"]))


def _one(database: endpoint.Endpoint, recorder: Recorder, layer: Path, python: str) -> dict[str, Any]:
    found = {}
    hosts = {database.front.host: ADDRESS}
    more = {"RDSPOOL_POOL_RECYCLE": str(RECYCLE)}
    with database.environment(layers=[layer], task=FUNCTION, python=python, variables=more, hosts=hosts) as function:
        for name in WAYS:
            if name == "reconnect":
                function.freeze()
                time.sleep(RECYCLE + 0.5)
            recorder.take()
            invocation = function.invoke({})
            if invocation.error is not None:
                raise Unexpected("\n".join([str(invocation.error), *invocation.logs]))
            if database.front.connection().tls_resumed != (name == "reconnect"):
                raise Unexpected(f"{name}: a TLS session was resumed, or was not, against what the drawing says")
            found[name] = _parts(name, invocation, exchanges(recorder.take()))
    return found


def _parts(name: str, invocation: Any, trips: list[tuple[float, float]]) -> dict[str, Any]:
    said = invocation.payload
    if len(trips) != len(WAYS[name]):
        raise Unexpected(f"{name}: {len(trips)} round trips in place of {len(WAYS[name])}")

    def part(label: str, kind: str, begin: float, end: float, zero: float) -> dict[str, Any]:
        return {"label": label, "kind": kind, "begin": round((begin - zero) * 1000, 3), "end": round((end - zero) * 1000, 3)}

    found: dict[str, Any] = {"init": [], "invocation": []}
    if invocation.init_ms is not None:
        zero = said["ready"] - invocation.init_ms / 1000
        found["init"] = [
            part("start of the runtime", "work", zero, said["began"], zero),
            part("import rdspool, sqlalchemy", "ours", said["began"], said["imported"], zero),
            part("get_engine()", "ours", said["imported"], said["ready"], zero),
        ]
    zero = said["start"]
    if len(trips) > 2:
        found["invocation"].append(part("name, token, TCP, greeting", "ours", zero, trips[0][0], zero))
    found["invocation"] += [part(label, "trip", *trip, zero) for label, trip in zip(WAYS[name], trips, strict=True)]
    found["total"] = round((said["end"] - zero) * 1000, 3)
    return found


def failover() -> dict[str, Any]:
    """Return the units of work that ran while a cluster failed over, and what happened to the cluster, in seconds."""
    password = secrets.token_urlsafe(12)
    credentials = Credentials(**asdict(environment.Credentials.random()))
    with local.cluster.start(users={"app": password}, credentials=credentials) as cluster, cluster.resolved():
        server = cluster.writer.server
        server.database("app")
        server.create_user("app", password, database="app")
        server.execute("CREATE TABLE app.entry (unit INT PRIMARY KEY)")
        cluster.wait_for_reader()
        os.environ.update(
            AWS_ACCESS_KEY_ID=credentials.access_key,
            AWS_SECRET_ACCESS_KEY=credentials.secret_key,
            AWS_SESSION_TOKEN=credentials.session_token or "",
        )
        ca = str(cluster.writer.front.ca_file)
        engine = get_engine(host=cluster.host, port=cluster.port, user="app", database="app", region="eu-central-1", ca=ca, role="writer")
        zero = time.time()
        units: list[dict[str, Any]] = []
        stop = threading.Event()
        worker = threading.Thread(target=_units, args=(engine, zero, units, stop))
        worker.start()
        try:
            time.sleep(BEFORE)
            events = {"cut": time.time() - zero}
            cluster.failover(cut=True, names=False)
            events["writer"] = time.time() - zero
            time.sleep(LAG)
            cluster.move_names()
            events["name"] = time.time() - zero
            time.sleep(AFTER)
        finally:
            stop.set()
            worker.join()
        there = [row[0] for row in cluster.writer.server.execute("SELECT unit FROM app.entry ORDER BY unit")]
        engine.dispose()
    if there != list(range(len(units))) or any("error" in unit for unit in units):
        raise Unexpected(f"units in the table: {there}; units of the function: {units}")
    if not any(unit["runs"] > 1 or unit["end"] - unit["begin"] > LAG / 2 for unit in units):
        raise Unexpected("no unit of work met the failover")
    return {"units": units, "events": {name: round(at, 3) for name, at in events.items()}, "end": round(units[-1]["end"], 3)}


def _units(engine: Any, zero: float, units: list[dict[str, Any]], stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        seen: dict[str, Any] = {"begin": round(time.time() - zero, 3), "runs": 0}

        def work(connection: Any, seen: dict[str, Any] = seen, number: int = number) -> None:
            seen["runs"] += 1
            connection.execute(text("INSERT INTO entry (unit) VALUES (:unit)"), {"unit": number})
            connection.execute(text("SELECT SLEEP(0.1)"))

        try:
            # As an invocation of 10 s.
            with deadline(10):
                run(engine, work)
        except Exception as error:  # noqa: BLE001 (it is shown)
            seen["error"] = repr(error)
        seen["end"] = round(time.time() - zero, 3)
        units.append(seen)
        number += 1
        stop.wait(UNIT_EVERY)
