"""Answers as `pymysql` or as `MySQLdb`, with the connection and the cursors of the driver that the environment names underneath.

What a peer has and PEP 249 has not is there only where the driver has the same by another name. All else is `NotOffered`: it can be
imported, and raises an error where it is used. The options of connect() go to the driver, which refuses those that it does not take.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

from mysql.connector.constants import ClientFlag, FieldType
from mysql.connector.errorcode import ER_BAD_TABLE_ERROR, ER_NO_SUCH_TABLE

MODULES = {"rdspool": "rdspool.dbapi", "mysqlconnector": "mysql.connector"}
ERRORS = (
    *("Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError", "IntegrityError", "InternalError"),
    *("ProgrammingError", "NotSupportedError"),
)
TYPES = (
    *("BINARY", "DATETIME", "NUMBER", "ROWID", "STRING", "Binary", "Date", "Time", "Timestamp", "DateFromTicks", "TimeFromTicks"),
    *("TimestampFromTicks", "apilevel", "paramstyle", "threadsafety"),
)
MULTI_STATEMENTS = ClientFlag.MULTI_STATEMENTS
NEEDLESS = {
    "read_default_file": None,
    "read_default_group": None,
    "use_unicode": True,
    "binary_prefix": True,
    "executemany_fallback": "loop",
}
"""Options that say what the driver does anyway, each with the value that says so; None: any value. TARGET has what the files would say."""


class NotOfferedError(AttributeError):
    """A test uses what PEP 249 has no counterpart of."""


class NotOffered:
    """Stands for a part of a peer that is not offered."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise NotOfferedError(f"not offered: {self._name}()")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotOfferedError(f"not offered: {self._name}.{name}")


class Cursor:
    """A cursor, with the peers' way to give rows and counts."""

    kind: ClassVar[dict[str, bool]] = {"buffered": True}

    def __init__(self, connection: Connection) -> None:
        self._keeps = connection  # as the peers' do; stock's cursors do not keep their connection
        self._cursor = connection._connection.cursor(**self.kind)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Cursor:
        return self

    def __next__(self) -> Any:
        return next(self._cursor)

    def execute(self, query: Any, args: Any = None) -> int:
        self._cursor.execute(query, args)
        return self._cursor.rowcount

    def executemany(self, query: Any, args: Any) -> int:
        self._cursor.executemany(query, args)
        return self._cursor.rowcount

    def fetchall(self) -> Any:
        rows = self._cursor.fetchall()
        return rows if "dictionary" in self.kind else tuple(rows)

    @property
    def arraysize(self) -> int:
        return self._cursor.arraysize

    @arraysize.setter
    def arraysize(self, rows: int) -> None:
        self._cursor.arraysize = rows

    @property
    def _executed(self) -> bytes:
        return self._cursor.statement.encode()

    _last_executed = _executed


class SSCursor(Cursor):
    kind: ClassVar[dict[str, bool]] = {"buffered": False}

    def fetchall_unbuffered(self) -> Any:
        return iter(self)


class DictCursor(Cursor):
    kind: ClassVar[dict[str, bool]] = {"buffered": True, "dictionary": True}


class SSDictCursor(SSCursor):
    kind: ClassVar[dict[str, bool]] = {"buffered": False, "dictionary": True}


CURSORS = {kind.__name__: kind for kind in (Cursor, SSCursor, DictCursor, SSDictCursor)} | {"BaseCursor": Cursor}


class Connection:
    """A connection, with the peers' names for what the driver has; `install()` says which driver."""

    driver: ClassVar[str] = ""
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        options = {**self.defaults, **options}
        given = {name: value for name, value in options.items() if name not in NEEDLESS or NEEDLESS[name] not in (None, value)}
        self._cursor_class = given.pop("cursorclass", Cursor)
        if "client_flag" in given:
            flags = given.pop("client_flag")
            if flags & ~MULTI_STATEMENTS:
                raise NotOfferedError(f"not offered: client_flag={flags:#x}")
            given["multi_statements"] = bool(flags)
        if self.driver != "rdspool" and "multi_statements" in given:
            given["client_flags"] = [MULTI_STATEMENTS if given.pop("multi_statements") else -MULTI_STATEMENTS]
        if given.get("charset") == "utf8":
            given["charset"] = "utf8mb4"
        for theirs, ours in (("db", "database"), ("passwd", "password")):
            given |= {ours: given.pop(theirs)} if theirs in given else {}
        self._connection = importlib.import_module(MODULES[self.driver]).connect(**given)

    def __getattr__(self, name: str) -> Any:
        if name == "_connection":
            raise AttributeError(name)  # made without __init__()
        return getattr(self._connection, name)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cursor(self, cursor: type[Cursor] | None = None) -> Cursor:
        return (cursor or self._cursor_class)(self)

    @property
    def open(self) -> bool:
        return self._connection.is_connected()

    @property
    def closed(self) -> bool:
        return not self.open

    @property
    def encoding(self) -> str:
        return "utf8"

    def autocommit(self, value: bool) -> None:
        self._connection.autocommit = value

    def get_autocommit(self) -> bool:
        return self._connection.autocommit

    def get_server_info(self) -> str:
        if self.driver == "rdspool":
            return self._connection.server_version
        return self._connection.server_info

    def thread_id(self) -> int:
        return self._connection.connection_id

    def _run(self, statement: str) -> None:
        self._connection.cursor().execute(statement)

    def begin(self) -> None:
        self._run("START TRANSACTION")

    def select_db(self, name: str) -> None:
        self._run(f"USE `{name}`")

    def kill(self, thread_id: int) -> None:
        self._run(f"KILL {thread_id:d}")


# -- the modules --------------------------------------------------------------------------------------------------------------------------


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return NotOffered(f"{self.__name__}.{name}")


PARTS = {
    "pymysql": ("_compat", "connections", "constants", "converters", "cursors", "err", "optionfile", "util"),
    "MySQLdb": ("_exceptions", "_mysql", "connections", "constants", "converters", "cursors", "times"),
}
CONSTANTS = {
    "CLIENT": {"MULTI_STATEMENTS": MULTI_STATEMENTS, "FOUND_ROWS": ClientFlag.FOUND_ROWS},
    "ER": {"BAD_TABLE_ERROR": ER_BAD_TABLE_ERROR, "NO_SUCH_TABLE": ER_NO_SUCH_TABLE},
    "FIELD_TYPE": {name: value for name, value in vars(FieldType).items() if name.isupper() and isinstance(value, int)},
}


def install(peer: str, driver: str, defaults: dict[str, Any]) -> None:
    """Let `import pymysql` or `import MySQLdb`, as `peer` says, give the driver. `defaults` are options of every connect()."""
    module = importlib.import_module(MODULES[driver])
    errors = {name: getattr(module, name) for name in ERRORS}
    Connection.driver = driver
    Connection.defaults = defaults | ({"multi_statements": True} if peer == "MySQLdb" else {})
    for name, value in errors.items():
        setattr(Connection, name, value)
    made = {"": {"connect": Connection, "Connect": Connection, "Connection": Connection, **errors}}
    made[""] |= {name: getattr(module, name) for name in TYPES}
    made |= {name: {} for name in PARTS[peer]} | {f"constants.{name}": values for name, values in CONSTANTS.items()}
    made |= {"cursors": CURSORS, "connections": {"Connection": Connection}, "err": errors, "_exceptions": errors}
    if peer == "pymysql":
        made["_compat"] = {"CPYTHON": True, "PY2": False, "text_type": str, "long_type": int}
        made["util"] = {"int2byte": lambda number: bytes([number])}
    for name, values in made.items():
        full = f"{peer}.{name}".rstrip(".")
        known = sys.modules[full] = _Module(full)
        known.__dict__.update(values, __path__=[])
        parent, _, last = full.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, known)


def seat_tests(folder: Path, databases: list[dict[str, Any]]) -> None:
    """Let `pymysql.tests` be this folder of PyMySQL's source, and its tests use these databases.

    Its own __init__.py imports all of the tests, before anything could name them a database.
    """
    sys.modules.setdefault("imp", types.SimpleNamespace(reload=importlib.reload))  # which Python 3.12 has no more, and the tests import
    spec = importlib.util.spec_from_file_location("pymysql.tests", folder / "__init__.py", submodule_search_locations=[str(folder)])
    sys.modules["pymysql.tests"] = importlib.util.module_from_spec(spec)
    importlib.import_module("pymysql.tests.base").PyMySQLTestCase.databases = databases
