"""A model of a day: requests, the environments that serve them, and the connections that the environments hold on the server.

Nothing of rdspool imports it but the command `python -m rdspool size`. It knows one function; add up what several need.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ._lambda.pressure import INTERVAL, KEEP, NEAR, REMEMBERED, YIELD
from ._settings import defaults
from .deadlines import USUAL

DAY: Final = 86_400
HOUR: Final = 3_600
INFINITE: Final = math.inf


@dataclass(frozen=True, kw_only=True)
class Model:
    """How environments and the server behave. All times are in seconds."""

    idle: float = 600.0
    """Idle time after which Lambda ends an environment. AWS documents none; 5 to 15 minutes are usual."""
    life: float = 7_200.0
    """Age at which Lambda ends an environment even if it is used. AWS documents "every few hours"."""
    init: float = 0.5
    """How much longer the first request of an environment takes: init, sign-in."""
    spread: bool = False
    """Whether Lambda gives a request to the environment that was idle for the longest, rather than to the one that was used last. AWS documents
    neither: spread is the worst case, in which more environments stay alive."""
    goodbye: bool = True
    """Whether an environment closes its connection when it is ended (RDSPOOL_SHUTDOWN). Without, the server waits for `wait_timeout`."""
    wait_timeout: float = defaults.POOL_RECYCLE + defaults.WAIT_TIMEOUT_MARGIN
    """Idle time after which the server closes a connection."""
    pool_recycle: float = defaults.POOL_RECYCLE
    """Age of a connection after which it is replaced at its next use."""
    connections: str = "automatic"
    """RDSPOOL_CONNECTIONS: automatic, keep or yield."""
    max_connections: int | None = None
    """The server's limit. None: no limit."""
    others: int = 0
    """Connections of other programs, which are always there."""
    wait: float = USUAL
    """How long a request waits for a connection that the server refuses, before it fails. 0: not at all."""


@dataclass
class Outcome:
    """What happened. Times are in seconds from the begin."""

    requests: int = 0
    refused: int = 0
    """Requests that failed, because the server had no connection for them in time."""
    waited: int = 0
    """Requests that had to wait for one, and got it."""
    longest_wait: float = 0.0
    environments: int = 0
    connects: int = 0
    peak_requests: int = 0
    """Requests at one moment."""
    peak_environments: int = 0
    peak_connections: int = 0
    """Connections at one moment, of the function and of `others`."""
    peak_at: float = 0.0
    peak_connects: int = 0
    """Connects in one second."""
    mean_requests: float = 0.0
    mean_connections: float = 0.0
    """Of the function, without those of others."""
    minutes: list[tuple[int, int, int]] = field(default_factory=list)
    """For each minute the most requests, environments and connections (with those of others) at one moment."""


def shape(peak: float, base: float, peak_hour: float) -> list[float]:
    """Return requests per second for each hour of a day: `base` at night, `peak` at `peak_hour`, a cosine between them."""
    return [base + (peak - base) * (1 + math.cos((hour - peak_hour) / 24 * 2 * math.pi)) / 2 for hour in range(24)]


def arrivals(rates: Sequence[float], duration: float, seed: int, *, begin: float = 0.0, end: float = DAY) -> Iterator[tuple[float, float]]:
    """Yield the time (from `begin` on) and the duration of each request, in seconds.

    `rates` are requests per second at the begin of each hour, with straight lines between them, and the day begins again after its end. The
    requests come independently of each other (Poisson), and their durations are exponential with the mean `duration`.
    """
    chance = random.Random(seed)  # noqa: S311 - a simulation
    most = max(rates)
    now = begin
    while most > 0:
        now += chance.expovariate(most)
        if now >= end:
            return
        hour, part = divmod(now / HOUR, 1)
        first, second = rates[int(hour) % len(rates)], rates[(int(hour) + 1) % len(rates)]
        if chance.random() * most < first + (second - first) * part:
            yield now - begin, chance.expovariate(1 / duration)


class _Environment:
    __slots__ = ("alive", "asked_at", "born", "connected", "near", "opened_at", "refused_at", "stamp")

    def __init__(self, born: float) -> None:
        self.born = born
        self.alive = True
        self.connected = False
        self.opened_at = 0.0
        self.stamp = 0
        """Counts its uses: what was noted for an idle time that is over is void."""
        self.near = False
        self.asked_at = -INFINITE
        self.refused_at = -INFINITE


class Simulation:
    """One run of the model. Lambda gives a request to an idle environment, and makes a new one where none is idle."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.outcome = Outcome(peak_connections=model.others)
        self._now = 0.0
        self._busy = 0
        self._alive = 0
        self._open = 0
        self._order = 0
        self._ends: list[tuple[float, int, _Environment]] = []
        self._idle: deque[tuple[float, int, _Environment]] = deque()
        self._timeouts: deque[tuple[float, int, _Environment]] = deque()
        self._waiting: deque[tuple[float, _Environment, float]] = deque()
        self._second = (-1, 0)
        self._area = [0.0, 0.0]
        self._minute = 0
        self._most = [0, 0, model.others]

    def run(self, requests: Iterable[tuple[float, float]], until: float | None = None) -> Outcome:
        """Return what happens with these requests, given as time and duration in the order of their times; `until`: seconds of the end."""
        for at, duration in requests:
            self._pass(at)
            self._arrive(duration)
        self._pass(max(self._now, until) if until is not None else self._last())
        outcome = self.outcome
        while self._minute <= self._now / 60:
            self._next_minute()
        if self._now > 0:
            outcome.mean_requests, outcome.mean_connections = (area / self._now for area in self._area)
        return outcome

    def _last(self) -> float:
        """Return when nothing is left to happen, passing through it."""
        while (at := self._next()[0]) < INFINITE:
            self._pass(at)
        return self._now

    def _next(self) -> tuple[float, Callable[[], None]]:
        """Return the time of what happens next, and what it is."""
        at, what = INFINITE, self._end
        if self._ends:
            at = self._ends[0][0]
        if self._waiting and self._waiting[0][0] < at:
            at, what = self._waiting[0][0], self._give_up
        if self._timeouts and self._timeouts[0][0] < at:
            at, what = self._timeouts[0][0], self._time_out
        if self._idle and self._idle[0][0] < at:
            at, what = self._idle[0][0], self._expire
        return at, what

    def _pass(self, at: float) -> None:
        """Let happen what happens until `at`."""
        while True:
            next_, what = self._next()
            if next_ > at:
                break
            self._clock(next_)
            what()
        self._clock(at)

    def _clock(self, at: float) -> None:
        passed = at - self._now
        self._area[0] += self._busy * passed
        self._area[1] += self._open * passed
        while at >= (self._minute + 1) * 60:
            self._next_minute()
        self._now = at

    def _next_minute(self) -> None:
        most = self._most
        self.outcome.minutes.append((most[0], most[1], most[2]))
        self._most = [self._busy, self._alive, self._open + self.model.others]
        self._minute += 1

    def _note(self) -> None:
        """Keep the peaks."""
        outcome, most = self.outcome, self._most
        connections = self._open + self.model.others
        if connections > outcome.peak_connections:
            outcome.peak_connections, outcome.peak_at = connections, self._now
        if self._busy > most[0]:
            most[0] = self._busy
            outcome.peak_requests = max(outcome.peak_requests, self._busy)
        if self._alive > most[1]:
            most[1] = self._alive
            outcome.peak_environments = max(outcome.peak_environments, self._alive)
        if connections > most[2]:
            most[2] = connections

    def _arrive(self, duration: float) -> None:
        self.outcome.requests += 1
        self._busy += 1
        environment = self._take_idle()
        if environment is None:
            environment = _Environment(self._now)
            self._alive += 1
            self.outcome.environments += 1
            duration += self.model.init
        environment.stamp += 1
        if environment.connected:
            if self._now - environment.opened_at >= self.model.pool_recycle:
                self._connected(environment)  # the new connection takes the place of the old one
            self._work(environment, duration)
        elif self._has_room():
            self._open += 1
            self._connected(environment)
            self._work(environment, duration)
        else:
            environment.refused_at = self._now
            self._waiting.append((self._now + self.model.wait, environment, duration))
        self._note()

    def _take_idle(self) -> _Environment | None:
        take = self._idle.popleft if self.model.spread else self._idle.pop
        while self._idle:
            _, stamp, environment = take()
            if environment.alive and environment.stamp == stamp:
                return environment
        return None

    def _work(self, environment: _Environment, duration: float) -> None:
        self._order += 1
        heapq.heappush(self._ends, (self._now + duration, self._order, environment))

    def _end(self) -> None:
        environment = heapq.heappop(self._ends)[2]
        if self._yields(environment):
            self._close(environment)
        self._rest(environment)

    def _give_up(self) -> None:
        """A request has waited for long enough."""
        environment = self._waiting.popleft()[1]
        self.outcome.refused += 1
        self._rest(environment)

    def _rest(self, environment: _Environment) -> None:
        """The environment has nothing to do any more: Lambda freezes it, or ends it where it is old."""
        model = self.model
        self._busy -= 1
        environment.stamp += 1
        if environment.connected:
            self._timeouts.append((self._now + model.wait_timeout, environment.stamp, environment))
        if self._now - environment.born >= model.life:
            self._die(environment)
        else:
            self._idle.append((self._now + model.idle, environment.stamp, environment))

    def _expire(self) -> None:
        _, stamp, environment = self._idle.popleft()
        if environment.alive and environment.stamp == stamp:
            self._die(environment)

    def _die(self, environment: _Environment) -> None:
        environment.alive = False
        self._alive -= 1
        if environment.connected and self.model.goodbye:
            self._close(environment)

    def _time_out(self) -> None:
        """The server closes a connection that was idle for too long."""
        _, stamp, environment = self._timeouts.popleft()
        if environment.connected and environment.stamp == stamp:
            self._close(environment)

    def _has_room(self) -> bool:
        limit = self.model.max_connections
        return limit is None or self._open + self.model.others < limit

    def _connected(self, environment: _Environment) -> None:
        environment.connected, environment.opened_at = True, self._now
        outcome, second = self.outcome, int(self._now)
        outcome.connects += 1
        self._second = (second, self._second[1] + 1 if self._second[0] == second else 1)
        outcome.peak_connects = max(outcome.peak_connects, self._second[1])

    def _close(self, environment: _Environment) -> None:
        environment.connected = False
        self._open -= 1
        while self._waiting and self._has_room():
            until, waiter, duration = self._waiting.popleft()
            self.outcome.waited += 1
            self.outcome.longest_wait = max(self.outcome.longest_wait, self._now - (until - self.model.wait))
            self._open += 1
            self._connected(waiter)
            self._work(waiter, duration)
            self._note()

    def _yields(self, environment: _Environment) -> bool:
        """Return whether the environment gives its connection back now, as _lambda/pressure.py decides it."""
        model = self.model
        if model.connections == YIELD or model.connections == KEEP or model.max_connections is None:
            return model.connections == YIELD
        if self._now - environment.asked_at >= INTERVAL:
            environment.asked_at = self._now
            environment.near = self._open + model.others >= model.max_connections * NEAR
        return environment.near or self._now - environment.refused_at < REMEMBERED


def simulate(model: Model, requests: Iterable[tuple[float, float]], until: float | None = None) -> Outcome:
    """Return what happens in the model with these requests, given as time and duration in seconds, in the order of their times."""
    return Simulation(model).run(requests, until)
