"""The process of a contender. It waits for a line, measures imports and the creation of the engine, then runs one order per line of JSON.

Before the measurement, it imports only modules that the interpreter has already loaded, so that the measured imports are complete.
"""

from __future__ import annotations

import sys
import time

from .contenders import BY_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .contenders.contender import Contender


def memory() -> dict[str, int]:
    """Return the current and the maximum resident memory of this process, in KiB."""
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {"rss_kib": int(fields["VmRSS"].split()[0]), "peak_kib": int(fields["VmHWM"].split()[0])}


def start(contender: Contender, how: str) -> tuple[Any, dict[str, Any]]:
    """Import and create the engine. Return it and the figures. process.py explains `how`."""
    if how == "files":
        return count_files(contender)
    cpu = time.process_time()
    contender.begin()
    if how == "sqlalchemy":
        import sqlalchemy
    contender.load()
    if how == "orm":
        import sqlalchemy.orm  # noqa: F401
    engine = contender.engine()
    return engine, {"cpu": time.process_time() - cpu, **memory()}


def count_files(contender: Contender) -> tuple[Any, dict[str, int]]:
    """Count the files that imports and the creation of the engine open, and those with the ORM: what Python opens, and shared libraries."""
    import os

    opened = []

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        name = arguments[0] if event == "open" else None
        if isinstance(name, str) and os.path.isfile(name) and not name.startswith("/proc/"):  # noqa: PTH113 - without an import of pathlib
            opened.append(name)

    def count() -> int:
        return len(opened) + len(libraries() - before - set(opened))

    before = libraries()
    sys.addaudithook(audit)
    contender.begin()
    contender.load()
    engine = contender.engine()
    files = count()
    import sqlalchemy.orm  # noqa: F401

    return engine, {"files": files, "orm_files": count()}


def libraries() -> set[str]:
    """Return the files that are mapped: extension modules and the libraries that they need."""
    with open("/proc/self/maps") as file:
        return {line.split(maxsplit=5)[5].strip() for line in file if "/" in line}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(name: str, extras: str) -> None:
    import os

    contender = BY_NAME[name](os.environ)
    if extras:
        sys.path.append(extras)
    sys.path.pop(0)  # remove the root of the benchmark, which users do not have
    say("ready")
    engine, started = start(contender, sys.stdin.readline().strip())

    import json
    import traceback

    worker = Worker(contender, engine)
    say(json.dumps(started))
    for line in sys.stdin:
        order = json.loads(line)
        contender.token = order.pop("token")
        try:
            answer = getattr(worker, order.pop("do"))(**order)
        except Exception as error:  # noqa: BLE001 - every error is reported to the benchmark
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        say(json.dumps(answer))


class Worker:
    """The orders. Each method is called by its name."""

    def __init__(self, contender: Contender, engine: Any) -> None:
        self.contender = contender
        self.engine = engine
        self.connection: Any = None
        self.autocommit: Any = None
        self.operations: dict[str, Any] = {}

    def cold(self) -> dict[str, Any]:
        """Connect for the first time and read the first row. The connection stays checked out until `release`."""
        from sqlalchemy import text

        from . import statements

        first = text(statements.FIRST)
        cpu, wall = time.process_time(), time.perf_counter()
        self.connection = self.engine.connect()
        self.connection.execute(first).scalar_one()
        answer = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        return {**answer, "driver": self.contender.driver(self.connection.connection.dbapi_connection)}

    def refused(self) -> dict[str, Any]:
        """Try to connect. Return the error, which is empty if the connect succeeded."""
        try:
            with self.engine.connect():
                return {"reason": ""}
        except Exception as error:  # noqa: BLE001 - each driver has its own errors
            return {"reason": str(error)}

    def release(self) -> dict[str, Any]:
        self.connection.close()
        self.connection = None
        return memory()

    def end(self) -> dict[str, Any]:
        """Close the pool's connection, as recycling does, so that the next checkout creates a new one."""
        with self.engine.connect() as connection:
            connection.invalidate()
        return {}

    def checkout(self) -> dict[str, Any]:
        """Check out a connection, and keep it until `release`."""
        self.connection = self.engine.connect()
        return {}

    def prepare(self, counter: int) -> dict[str, Any]:
        """Prepare `batch`: create the second engine and the operations."""
        from sqlalchemy import text

        from . import statements

        self.autocommit = self.contender.autocommit_engine()
        select, rows, write = text(statements.SELECT), text(statements.ROWS), text(statements.WRITE)

        def selecting(engine: Any) -> None:
            with engine.connect() as connection:
                connection.execute(select, {"id": 7}).scalar_one()

        def reading(last: int) -> None:
            with self.engine.connect() as connection:
                found = connection.execute(rows, {"last": last}).fetchall()
            if len(found) != last:
                raise AssertionError(f"{len(found)} rows instead of {last}")

        def writing() -> None:
            with self.engine.begin() as connection:
                connection.execute(write, {"id": counter})

        self.operations = {
            "select": lambda: selecting(self.engine),
            "autocommit": lambda: selecting(self.autocommit),
            "write": writing,
            "rows_few": lambda: reading(statements.FEW),
            "rows_many": lambda: reading(statements.MANY),
        }
        return {}

    def touch(self, kind: str) -> dict[str, Any]:
        """Run the operation once, so that an idle connection is checked or recycled here and not during the measurement."""
        self.operations[kind]()
        return {}

    def batch(self, kind: str, times: int = 1, seconds: float = 0.0) -> dict[str, Any]:
        """Run the operation `times` times, repeated for at least `seconds`. Return the CPU and wall time of one operation, in seconds."""
        run = self.reconnect if kind == "reconnect" else lambda times: self.repeated(self.operations[kind], times)
        cpu = wall = done = 0.0
        end = time.perf_counter() + seconds
        while not done or time.perf_counter() < end:
            more_cpu, more_wall = run(times)
            cpu, wall, done = cpu + more_cpu, wall + more_wall, done + times
        return {"cpu": cpu / done, "wall": wall / done}

    def repeated(self, operation: Any, times: int) -> tuple[float, float]:
        turns = range(times)
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in turns:
            operation()
        return time.process_time() - cpu, time.perf_counter() - wall

    def reconnect(self, times: int) -> tuple[float, float]:
        """Measure checkouts of new connections, without the end of the old connection and the return to the pool."""
        cpu = wall = 0.0
        for _ in range(times):
            self.end()
            cpu, wall = cpu - time.process_time(), wall - time.perf_counter()
            connection = self.engine.connect()
            cpu, wall = cpu + time.process_time(), wall + time.perf_counter()
            connection.close()
        return cpu, wall

    def memory(self) -> dict[str, Any]:
        return memory()

    def versions(self) -> dict[str, str]:
        """Return the versions of the contender's packages."""
        from importlib.metadata import version

        return {package: version(package) for package in self.contender.packages}
