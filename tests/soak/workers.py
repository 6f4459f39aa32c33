"""The workers: each invokes one environment at a time, notes what it answers, and replaces it when it has ended."""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from local.environment import LambdaEnvironmentError
from local.environment.runtime_api import FunctionProcess
from tests.function_rig import Rig

from .invariant import ACCOUNTS, Sample, Unit

FUNCTION = Path(__file__).parent / "function"
TIMEOUT = 4.0
"""Seconds of the function."""
WAYS = {"engine": 10, "session": 5, "rolled back": 2, "left open": 1}
"""How units run, and how often."""


class Ledger:
    """The units and samples of all workers."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.samples: list[Sample] = []
        self.environments = itertools.count(1)
        self._lock = threading.Lock()

    def new(self, chance: random.Random) -> Unit:
        """Return a new unit, which is noted before it runs."""
        source, target = chance.sample(range(1, ACCOUNTS + 1), 2)
        (how,) = chance.choices([*WAYS], [*WAYS.values()])
        with self._lock:
            unit = Unit(len(self.units) + 1, source, target, chance.randint(1, 9), how)
            self.units.append(unit)
        return unit


class Worker(threading.Thread):
    """Invokes the function until `stop()`. An environment that `survives` is ended by no fault, so that its growth is seen."""

    def __init__(self, rig: Rig, ledger: Ledger, number: int, seed: int, variables: dict[str, str], *, survives: bool) -> None:
        super().__init__(name=f"worker {number}", daemon=True)
        self.survives = survives
        self.failure: BaseException | None = None
        self.finished: list[Unit] = []
        """The units whose invocation is over, in their order."""
        self._rig = rig
        self._ledger = ledger
        self._random = random.Random(f"{seed}/{number}")
        self._variables = variables
        self._rest = 0.0
        self._over = threading.Event()
        self._environment: FunctionProcess | None = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the environment, where it lives."""
        environment = self._environment
        if environment is not None:
            with suppress(ProcessLookupError):
                environment.signal(number)

    def rest(self, seconds: float) -> None:
        """Let the environment be frozen after its invocation, for some seconds."""
        self._rest = seconds

    def stop(self) -> None:
        """Let the worker end after its invocation, with its environment."""
        self._over.set()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as failure:  # noqa: BLE001 - the main thread raises it
            self.failure = failure
        finally:
            if self._environment is not None:
                self._environment.terminate()

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                if self._environment is None:
                    number = next(self._ledger.environments)
                    self._environment = self._rig.process(FUNCTION, variables=self._variables, timeout=TIMEOUT)
                    self._environment.wait_ready()
                self._one(self._environment, number)
            except LambdaEnvironmentError:
                # It has died, or Lambda would have ended it.
                if self._environment is not None:
                    self._environment.kill()
                self._environment = None

    def _one(self, environment: FunctionProcess, number: int) -> None:
        unit = self._ledger.new(self._random)
        event = {name: getattr(unit, name) for name in ("id", "source", "target", "amount", "how")}
        try:
            answer = environment.invoke(event)
            unit.outcome, unit.error = answer["outcome"], answer["error"]
        finally:
            self.finished.append(unit)
        self._ledger.samples.append(Sample(number, answer["memory"], answer["descriptors"]))
        seconds, self._rest = self._rest, 0.0
        if seconds:
            self.signal(signal.SIGSTOP)
            self._over.wait(seconds)
            self.signal(signal.SIGCONT)
        else:
            time.sleep(self._random.uniform(0, 0.02))
