"""The faults of the soak: each a function of the storm, which chooses among them at random."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import pymysql

from local.errors import LocalError
from local.front import Accept, Close, Command, CutAnswer, Delay, Error, LoseAnswer, SignIn, Silence
from local.front.faults import Do, When
from tests.function_rig import OTHER, Rig

from .workers import Worker

PAUSE = 0.6
"""Seconds between two faults at most."""
STATEMENT = r"QUERY (INSERT|UPDATE)"
ANY = r"QUERY"

RULES: dict[str, tuple[When, Sequence[Do]]] = {
    "COMMIT: its answer is lost": (Command("COMMIT"), (LoseAnswer(), LoseAnswer(reset=True))),
    "COMMIT: its answer is cut": (Command("COMMIT"), (CutAnswer(), CutAnswer(reset=True))),
    "COMMIT: it does not arrive": (Command("COMMIT"), (Close(), Close(reset=True))),
    "COMMIT: its answer is late": (Command("COMMIT"), (Delay(0.5), Delay(10.0))),
    "COMMIT: silence after it": (Command("COMMIT"), (Silence(),)),
    "COMMIT: refused": (Command("COMMIT"), (Error(1213), Error(1290), Error(1053, close=True))),
    "statement: its answer is lost": (Command(STATEMENT), (LoseAnswer(), LoseAnswer(reset=True))),
    "statement: its answer is cut": (Command(STATEMENT), (CutAnswer(), CutAnswer(reset=True))),
    "statement: it does not arrive": (Command(STATEMENT), (Close(), Close(reset=True))),
    "statement: its answer is late": (Command(STATEMENT), (Delay(0.5), Delay(10.0))),
    "statement: silence after it": (Command(STATEMENT), (Silence(),)),
    "statement: run it again": (Command(STATEMENT), (Error(1213), Error(1205), Error(1020))),
    "statement: refused": (Command(STATEMENT), (Error(1290), Error(1792), Error(1317), Error(1053, close=True), Error(1836))),
    "any command: closed": (Command(ANY), (Close(), LoseAnswer(), CutAnswer())),
    "connect: closed": (Accept(), (Close(), Close(reset=True), Silence())),
    "connect: too many connections": (Accept(), (Error(1040),)),
    "sign-in: refused": (SignIn(), (Error(1045), Close(), Silence())),
    "sign-in: late": (SignIn(), (Delay(0.5), Delay(10.0))),
}
"""Faults of the next event of a kind, by their names in the report."""


class Storm(threading.Thread):
    """Makes faults until `end()`, then puts everything right. `names` are those of `RULES` and `DEEDS` to choose from; empty: all."""

    def __init__(self, rig: Rig, workers: Sequence[Worker], seed: int, names: Sequence[str] = ()) -> None:
        super().__init__(name="storm", daemon=True)
        unknown = [name for name in names if name not in RULES and name not in DEEDS]
        if unknown:
            raise ValueError(f"no fault is called {unknown[0]!r}: use {', '.join([*RULES, *DEEDS])}")
        self.counts: Counter[str] = Counter()
        """How often each fault happened to somebody."""
        self.failure: BaseException | None = None
        self.rig = rig
        self.workers = workers
        self.random = random.Random(seed)
        self._names = list(names) or [*RULES, *DEEDS]
        self._rules: dict[int, str] = {}
        self._over = threading.Event()

    def run(self) -> None:
        try:
            while not self._over.wait(self.random.uniform(0, PAUSE)):
                # Restarts are rare: each stops all for a second or two.
                weights = [0.2 if name in RARE else 1.0 for name in self._names]
                name = self.random.choices(self._names, weights)[0]
                if name in RULES:
                    when, does = RULES[name]
                    self._rules[self.rig.front.fault(when=when, do=self.random.choice(does))] = name
                else:
                    self.counts[name] += DEEDS[name](self)
                self._gather()
        except BaseException as failure:  # noqa: BLE001 - the main thread raises it
            self.failure = failure

    def end(self) -> None:
        """End the faults and what they left behind. Raise what the thread met."""
        self._over.set()
        self.join()
        self._gather()
        self.rig.front.clear_faults()
        self.rig.front.listen_again()
        for worker in self.workers:
            worker.signal(signal.SIGCONT)
        if self.failure is not None:
            raise self.failure

    def nap(self, least: float, most: float) -> None:
        """Wait for a time between two numbers of seconds, or for the end."""
        self._over.wait(self.random.uniform(least, most))

    def _gather(self) -> None:
        """Count the rules that have been applied, and remove them: each command of each connection looks at all of them."""
        for rule in self.rig.front.faults():
            if rule["hits"] and rule["id"] in self._rules:
                self.counts[self._rules.pop(rule["id"])] += rule["hits"]
                self.rig.front.clear_faults(rule["id"])


def _sessions(storm: Storm) -> list[int]:
    with suppress(LocalError, pymysql.MySQLError):
        return storm.rig.sessions()
    return []


def _kill(storm: Storm, what: str) -> bool:
    sessions = _sessions(storm)
    with suppress(LocalError, pymysql.MySQLError):
        storm.rig.server.execute(f"KILL {what} {storm.random.choice(sessions)}" if sessions else "SELECT 1")
        return bool(sessions)
    return False  # the session has ended since


def _order(storm: Storm, order: Callable[[int], None]) -> bool:
    open_ = [one.id for one in storm.rig.front.connections() if one.open]
    with suppress(LookupError):
        order(storm.random.choice(open_) if open_ else 0)
        return True
    return False


def _slow(storm: Storm) -> bool:
    storm.rig.front.delay(storm.random.choice((0.02, 0.1, 0.4)))
    storm.nap(0.5, 3)
    storm.rig.front.delay(0)
    return True


def _refuse(storm: Storm) -> bool:
    storm.rig.front.stop_listening()
    storm.nap(0.2, 3)
    storm.rig.front.listen_again()
    return True


def _flood(storm: Storm) -> bool:
    """Take all connections that are left, for some seconds."""
    taken = []
    server = storm.rig.server
    try:
        while True:
            taken.append(
                pymysql.connect(
                    unix_socket=str(server.socket) if server.socket else None,
                    host=server.host,
                    port=server.port,
                    user=OTHER,
                    password=storm.rig.passwords[OTHER],
                )
            )
    except pymysql.MySQLError:
        storm.nap(0.5, 4)
        return True
    finally:
        for connection in taken:
            with suppress(pymysql.MySQLError):
                connection.close()


def _lock(storm: Storm) -> bool:
    """Hold the lock of an account, as a transaction of another program does."""
    with suppress(LocalError, pymysql.MySQLError):
        connection = storm.rig.server.connect(autocommit=False, database="app")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT amount FROM accounts WHERE id = 1 FOR UPDATE")
            storm.nap(0.5, 6)
        finally:
            connection.close()
        return True
    return False


def _restart(storm: Storm, crash: bool) -> bool:
    storm.rig.server.restart(crash=crash)
    return True


def _freeze(storm: Storm) -> bool:
    worker = storm.random.choice(storm.workers)
    worker.signal(signal.SIGSTOP)
    storm.nap(0.2, 3)
    worker.signal(signal.SIGCONT)
    return True


def _long_freeze(storm: Storm) -> bool:
    """Freeze an environment between invocations for longer than the server's idle limit."""
    storm.random.choice(storm.workers).rest(storm.random.uniform(1, 12))
    return True


def _die(storm: Storm, number: signal.Signals) -> bool:
    mortal = [worker for worker in storm.workers if not worker.survives]
    if mortal:
        storm.random.choice(mortal).signal(number)
    return bool(mortal)


DEEDS: dict[str, Callable[[Storm], bool]] = {
    "session killed": lambda storm: _kill(storm, "CONNECTION"),
    "statement killed": lambda storm: _kill(storm, "QUERY"),
    "connection closed (FIN)": lambda storm: _order(storm, storm.rig.front.kill),
    "connection closed (RST)": lambda storm: _order(storm, lambda number: storm.rig.front.kill(number, reset=True)),
    "connection silent": lambda storm: _order(storm, storm.rig.front.blackhole),
    "farewell (4031)": lambda storm: _order(storm, lambda number: storm.rig.front.notify(number, 4031)),
    "all answers slow": _slow,
    "connects refused": _refuse,
    "flood of connections": _flood,
    "row locked by another": _lock,
    "server stopped and started": lambda storm: _restart(storm, crash=False),
    "server crashed and started": lambda storm: _restart(storm, crash=True),
    "environment stopped in an invocation": _freeze,
    "environment frozen between invocations": _long_freeze,
    "environment ended (SIGTERM)": lambda storm: _die(storm, signal.SIGTERM),
    "environment ended (SIGKILL)": lambda storm: _die(storm, signal.SIGKILL),
}
"""What is done to the server, to the endpoint and to the environments, by its name in the report. Each returns whether it could be done."""
RARE = {"server stopped and started", "server crashed and started"}
