"""One run of the fleet with one recipe: bursts, freezes, deaths, and what is left over."""

from __future__ import annotations

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rdspool.sizing import Model, Outcome, simulate

from local.environment import LambdaEnvironmentError
from local.environment.runtime_api import FunctionProcess
from local.server import Kind
from tests.function_rig import Rig, rig, versions

HERE = Path(__file__).parent
TIMEOUT = 8.0
"""Seconds of the function: the time of Lambda's own default would end the waits of a busy machine too."""
QUERY = 0.05
"""Seconds of each invocation's query."""
FULL_BURSTS = 3
"""Bursts of all environments at once, before the first death."""
STARTED_AT_ONCE = 4
"""Environments whose inits run at one moment: each needs a processor's second."""
ADMINISTRATOR = 1
"""Connections of the run's own."""


@dataclass(frozen=True)
class Plan:
    """What is run. Times are in seconds."""

    kind: Kind
    environments: int
    limit: int
    """The server's max_connections."""
    seed: int
    rounds: int = 20
    """Rounds of up to half of `limit` invocations at once."""
    freeze: float = 8.0
    """Longer than rdspool trusts an idle connection."""
    wait_timeout: int = 20
    """RDSPOOL_WAIT_TIMEOUT, in place of 330: its effect is to be seen within the run. The usual recipe keeps the server's 28800."""


@dataclass(frozen=True)
class Recipe:
    """A way to connect: a function and its RDSPOOL_CONNECTIONS; None: the usual recipe, which knows no settings of rdspool."""

    name: str
    function: Path
    mode: str | None

    def variables(self, plan: Plan) -> dict[str, str]:
        """Return the function's variables."""
        if self.mode is None:
            return {}
        times = {"RDSPOOL_WAIT_TIMEOUT": plan.wait_timeout, "RDSPOOL_POOL_RECYCLE": plan.wait_timeout - 1}
        return {"RDSPOOL_CONNECTIONS": self.mode, **{name: str(value) for name, value in times.items()}}


RECIPES = (
    Recipe("usual recipe", HERE / "recipes/original", None),
    Recipe("rdspool, connections=keep", HERE / "recipes/rdspool", "keep"),
    Recipe("rdspool", HERE / "recipes/rdspool", "automatic"),
)


@dataclass
class Phase:
    """A part of the run: its invocations, and how many of them failed."""

    name: str
    invocations: int = 0
    failed: int = 0
    connections: int = 0
    """The function's connections on the server at the end of the phase."""


@dataclass
class Result:
    """What happened with one recipe."""

    recipe: Recipe
    what_ran: str
    phases: list[Phase] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """Seconds of the slowest invocation that succeeded."""
    refused: int = 0
    """Connects that the server refused for too many connections."""
    peak: int = 0
    """Connections at one moment at most, without the administrator's."""
    left_over: int = 0
    """Connections of the function after the end of all environments, when rdspool's wait_timeout is over."""
    requests: list[tuple[float, float]] = field(default_factory=list)
    """The invocations before the first death, for the model: when each got its environment, and the seconds of its query."""
    peak_before_deaths: int = 0
    failed_before_deaths: int = 0


class Fleet:
    """Environments of one recipe. Lambda gives a request to the one that was used last, and so does this."""

    def __init__(self, on: Rig, plan: Plan, result: Result) -> None:
        self.on = on
        self.result = result
        self.random = random.Random(plan.seed)
        self.idle: list[FunctionProcess] = []
        """The last one was used last."""
        self.lost: list[FunctionProcess] = []
        """Ended by Lambda without a signal: stopped for ever, for a machine that is gone sends no FIN either."""
        self._variables = on.variables(**result.recipe.variables(plan))
        self._began = time.monotonic()

    def start(self, count: int) -> None:
        """Start environments and wait for the ends of their inits."""

        def one(_: int) -> FunctionProcess:
            made = self.on.process(self.result.recipe.function, variables=self._variables, timeout=TIMEOUT)
            made.wait_ready(120)
            return made

        with ThreadPoolExecutor(STARTED_AT_ONCE) as pool:
            self.idle += pool.map(one, range(count))

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Count what is invoked in the block."""
        phase = Phase(name)
        self.result.phases.append(phase)
        yield phase
        phase.connections = len(self.on.sessions())

    def burst(self, phase: Phase, count: int) -> None:
        """Invoke so many environments at one moment."""
        taken = [self.idle.pop() for _ in range(min(count, len(self.idle)))]
        # All begin at this moment, when each has got its environment, although a busy machine starts the threads one after the other.
        self.result.requests += [(time.monotonic() - self._began, QUERY)] * len(taken)
        with ThreadPoolExecutor(len(taken)) as pool:
            errors = list(pool.map(self._invoke, taken))
        self.idle += taken
        phase.invocations += len(taken)
        phase.failed += sum(error is not None for error in errors)
        self.result.errors.update(error for error in errors if error is not None)

    def _invoke(self, environment: FunctionProcess) -> str | None:
        began = time.monotonic()
        try:
            environment.invoke({"seconds": QUERY})
        except LambdaEnvironmentError as error:
            return _kind(str(error))
        self.result.slowest = max(self.result.slowest, time.monotonic() - began)
        return None

    def freeze(self, seconds: float) -> None:
        """Freeze all environments, as Lambda does between invocations, for some seconds."""
        for environment in self.idle:
            environment.signal(signal.SIGSTOP)
        time.sleep(seconds)
        for environment in self.idle:
            environment.signal(signal.SIGCONT)

    def lose(self, count: int) -> None:
        """End environments without a signal, those first that were not used for the longest time."""
        for environment in self.idle[:count]:
            environment.signal(signal.SIGSTOP)
        self.lost += self.idle[:count]
        del self.idle[:count]

    def end(self, count: int) -> None:
        """End environments as Lambda does: with SIGTERM where an extension is registered, else without a signal."""
        for environment in self.idle[:count]:
            if environment.extensions:
                environment.terminate()
            else:
                environment.signal(signal.SIGSTOP)
                self.lost.append(environment)
        del self.idle[:count]

    def kill(self) -> None:
        """End all processes."""
        for environment in (*self.idle, *self.lost):
            environment.kill()


def _kind(error: str) -> str:
    """Return the kind of an error: its class and number, without what differs from one invocation to the next."""
    found = re.search(r"'?(?:\(?[\w.]*\.)?(\w*(?:Error|Timeout)\w*)", error)
    number = re.search(r"\b(1040|1045|2002|2003|2006|2013|2055|4031)\b", error)
    if "timed out after" in error:
        return "Task timed out"
    return f"{found[1] if found else 'error'} {number[1] if number else ''}".strip()


def run(recipe: Recipe, plan: Plan) -> Result:
    """Run the fleet of one recipe against a new server."""
    environments, third, few = plan.environments, plan.environments // 3, plan.limit // 2
    over = plan.wait_timeout + 5  # the server looks at its idle sessions as they wait: a little later is enough
    with ExitStack() as stack:
        on = stack.enter_context(rig(plan.kind, options=[f"--max-connections={plan.limit}"]))
        result = Result(recipe, versions(on.server))
        fleet = Fleet(on, plan, result)
        stack.callback(fleet.kill)
        fleet.start(environments)
        on.server.execute("FLUSH STATUS")
        with fleet.phase(f"rounds of up to {few} at once") as phase:
            for _ in range(plan.rounds):
                fleet.burst(phase, fleet.random.randint(1, few))
        with fleet.phase(f"bursts of {environments} at once") as phase:
            for _ in range(FULL_BURSTS):
                fleet.burst(phase, environments)
        result.peak_before_deaths = _peak(on)
        result.failed_before_deaths = sum(one.failed for one in result.phases)
        requests = list(result.requests)
        with fleet.phase(f"a freeze of {plan.freeze:g} s, then a burst") as phase:
            fleet.freeze(plan.freeze)
            fleet.burst(phase, environments)
        with fleet.phase(f"{third} environments end, as many begin, bursts") as phase:
            fleet.end(third)
            fleet.start(third)
            for _ in range(3):
                fleet.burst(phase, environments)
        with fleet.phase(f"{third} environments are lost without a signal, as many begin, bursts") as phase:
            fleet.lose(third)
            fleet.start(third)
            for _ in range(3):
                fleet.burst(phase, environments)
        with fleet.phase(f"after {over} s, bursts") as phase:
            time.sleep(over)
            for _ in range(3):
                fleet.burst(phase, environments)
        result.requests = requests
        result.peak = _peak(on)
        result.refused = _status(on, "Connection_errors_max_connections")
        fleet.end(len(fleet.idle))
        time.sleep(over)
        result.left_over = len(on.sessions())
        return result


def _status(on: Rig, name: str) -> int:
    return int(on.server.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


def _peak(on: Rig) -> int:
    return _status(on, "Max_used_connections") - ADMINISTRATOR


def modelled(result: Result, plan: Plan) -> Outcome:
    """Return what the model of `python -m rdspool size` says of the invocations before the first death."""
    mode = result.recipe.mode
    model = Model(
        init=0.0,
        max_connections=plan.limit,
        connections="keep" if mode is None else mode,
        wait=0.0 if mode is None else Model().wait,
        wait_timeout=28_800 if mode is None else plan.wait_timeout,
    )
    requests = sorted(result.requests)
    return simulate(model, requests, requests[-1][0] + 10)
