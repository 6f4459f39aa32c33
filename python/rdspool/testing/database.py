"""The database of the tests: one that runs already, one of rdspool's source tree, or SQLite. Its variables are known before it runs.

So test modules can import a handler, which calls get_engine(), while pytest collects them.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from .._settings.defaults import PREFIX, PROCESS_WIDE
from .sqlite import in_sqlite

LOCAL: Final = {"local": "mysql", "local:mysql": "mysql", "local:mariadb": "mariadb"}
"""What stands in the place of a URL for a server that the tests start, and the server's kind."""
SQLITE: Final = "sqlite"


class NoDatabaseError(Exception):
    """The database of the tests can't be used. The text says why, and what to do."""


class Database(Protocol):
    """A database for tests."""

    variables: dict[str, str]
    """The variables that name it to rdspool."""

    def chosen(self) -> AbstractContextManager[None]:
        """Return the block in which get_engine() is to know it."""

    def running(self) -> AbstractContextManager[None]:
        """Return the block in which it is to be reached."""


def database(place: str, engines: Sequence[str]) -> Database:
    """Return the database that `place` names: a URL, one of `LOCAL`, or `SQLITE`.

    It serves the unnamed engine and those in `engines`. An engine's name can be followed by `=` and the name of its own database on the same
    server: "reporting=reports". Raises NoDatabaseError.
    """
    named = {name.lower(): other or None for name, _, other in (engine.partition("=") for engine in engines)}
    if place == SQLITE:
        return _SQLite(named)
    return _Local(LOCAL[place], named) if place in LOCAL else _Running(place, named)


@contextmanager
def only(variables: Mapping[str, str]) -> Iterator[None]:
    """Let these be the only settings of rdspool in the environment until the block ends: those of a shell can name another database."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in PROCESS_WIDE:
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


class _Running:
    """A database that runs already."""

    def __init__(self, url: str, engines: Mapping[str, str | None]) -> None:
        base, question, options = url.partition("?")
        server = "/".join(base.split("/")[:3])
        self.variables = {f"{PREFIX}URL": url}
        for name, other in engines.items():
            self.variables[f"{PREFIX}{name.upper()}_URL"] = url if other is None else f"{server}/{other}{question}{options}"

    def chosen(self) -> AbstractContextManager[None]:
        return nullcontext()

    running = chosen


class _SQLite:
    """A file that is made for the tests."""

    def __init__(self, engines: Mapping[str, str | None]) -> None:
        # They have to be there, and lead nowhere.
        prefixes = [PREFIX, *(f"{PREFIX}{name.upper()}_" for name in engines)]
        self.variables = {f"{prefix}{key}": SQLITE for prefix in prefixes for key in ("HOST", "USER", "PASSWORD")}

    @contextmanager
    def chosen(self) -> Iterator[None]:
        with TemporaryDirectory() as folder, in_sqlite(Path(folder, "database")):
            yield

    def running(self) -> AbstractContextManager[None]:
        return nullcontext()


class _Local:
    """A server of rdspool's source tree (`local/`), behind an RDS endpoint that checks the IAM token."""

    def __init__(self, kind: str, engines: Mapping[str, str | None]) -> None:
        root = Path(__file__).resolve().parents[3]
        if not (root / "local" / "endpoint.py").is_file():
            raise NoDatabaseError(
                "`local` stands for the server of rdspool's source tree, and rdspool was not installed from one: name a server by its URL, "
                "mysql+rdspool://user:password@host:3306/database"
            )
        if str(root) not in sys.path:
            sys.path.append(str(root))
        try:
            endpoint: Any = import_module("local.endpoint")
        except ImportError as error:
            raise NoDatabaseError(f"{root / 'local'} needs {error.name}, which is not installed here: use {root / '.venv'}") from error
        self._endpoint = endpoint
        self._options: dict[str, Any] = {
            "host": "localhost",  # it resolves on every machine
            "port": _free_port(),
            "credentials": endpoint.new_credentials(),
            "databases": [other for other in engines.values() if other is not None],
        }
        self._kind = kind
        self.variables = endpoint.variables(**{key: self._options[key] for key in ("host", "port", "credentials")})
        for name, other in engines.items():
            for key in ("HOST", "PORT", "USER", "DATABASE"):
                self.variables[f"{PREFIX}{name.upper()}_{key}"] = self.variables[PREFIX + key]
            if other is not None:
                self.variables[f"{PREFIX}{name.upper()}_DATABASE"] = other

    def chosen(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._endpoint.start(self._kind, **self._options):
            yield


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
