"""The tests of SQLAlchemy's repository that exercise a dialect: where they come from and which they are."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests import suites

VERSION = version("SQLAlchemy")
LOCK = Path(__file__).with_name("repository.txt")
TESTS = ("test/dialect", "test/engine", "test/sql", "test/base", "test/ext", "test/orm")


def available() -> bool:
    """Return whether the lock names the source of the SQLAlchemy that is installed."""
    return f"sqlalchemy=={VERSION} " in LOCK.read_text()


def fetched() -> Path:
    """Return the folder with SQLAlchemy's source, fetched by pip on the first call. Raises LocalError."""
    return suites.source(LOCK)


def arguments(given: Sequence[str], everything: bool = False) -> list[str]:
    """Return pytest's arguments for the tests that SQLAlchemy itself runs on each database, or for `everything` that needs no server.

    `given` are arguments of the user, which may name folders in the place of `TESTS`.
    """
    options = ["-q", "-o", "addopts=", "--tb", "short", "-p", "no:cacheprovider", "-p", "no:timeout", "-p", "warnings", "-p", "logging"]
    return [*options, *([] if everything else ["--backend-only"]), *([] if any(each.startswith("test/") for each in given) else TESTS)]
