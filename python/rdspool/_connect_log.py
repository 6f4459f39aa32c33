"""What is said of each new connection: one line of the log, and a record for whoever counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

logger: Final = logging.getLogger("rdspool")

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO}
"""The levels of the line, by the names that the setting `log_connects` has for them."""


class NewConnection(NamedTuple):
    """A connection that was made."""

    engine: str | None
    """The engine's name."""
    host: str
    port: int
    address: str
    """The address, without a name, that it leads to."""
    connection_id: int
    why: str
    """One of `lives.REASONS`."""
    attempts: int
    seconds: float
    """From the first attempt on, with the pauses between them."""
    steps: dict[str, float]
    """Seconds per step of the last attempt."""


watchers: Final[list[Callable[[NewConnection], object]]] = []
"""Called with each new connection, in the thread that made it."""


def tell(made: NewConnection, level: str) -> None:
    """Log the line, at the level of that name, and call the watchers. It holds no secret: neither the user nor what signed in."""
    number = LEVELS[level]
    if logger.isEnabledFor(number):
        steps = {name: round(seconds * 1000, 1) for name, seconds in made.steps.items()}
        fields: dict[str, Any] = {**made._asdict(), "milliseconds": round(made.seconds * 1000, 1), "steps": steps}
        del fields["seconds"]
        logger.log(
            number,
            "new connection %d to %s:%d (%s), %s: %.1f ms (%s)%s",
            made.connection_id,
            made.host,
            made.port,
            made.address,
            made.why,
            fields["milliseconds"],
            ", ".join(f"{name} {milliseconds}" for name, milliseconds in steps.items()),
            f" after {made.attempts} attempts" if made.attempts > 1 else "",
            # For loggers that write JSON, such as Lambda's own and Powertools'.
            extra={"rdspool_connect": fields},
        )
    for watcher in watchers:
        watcher(made)
