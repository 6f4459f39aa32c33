"""The numbers of errors, beside what the connector, PyMySQL and SQLAlchemy know of them: neither may a number be wrong, nor one be missing."""

from __future__ import annotations

import pytest
from mysql.connector import errorcode
from mysql.connector.errors import DatabaseError, InterfaceError, OperationalError
from pymysql.constants import ER
from rdspool import Settings, TooManyConnectionsError
from rdspool._aws import diagnosis
from rdspool._driver import error_numbers
from rdspool._driver.disconnects import is_disconnect
from rdspool.deadlines import within
from rdspool.dialect import MariaDBRdspoolDialect, RdspoolDialect
from sqlalchemy.dialects.mysql import mysqlconnector, pymysql

NAMES = {
    "PACKET_TOO_LARGE": "ER_NET_PACKET_TOO_LARGE",
    "CANNOT_CONNECT": "CR_CONN_HOST_ERROR",
    "SERVER_GONE": "CR_SERVER_GONE_ERROR",
    "SERVER_LOST": "CR_SERVER_LOST",
    "TLS_FAILED": "CR_SSL_CONNECTION_ERROR",
    "MALFORMED_PACKET": "CR_MALFORMED_PACKET",
    "CONNECTION_FAILED": "CR_SERVER_LOST_EXTENDED",
    "TIMED_OUT": "ER_QUERY_TIMEOUT",
    "TOO_MANY_CONNECTIONS": "ER_CON_COUNT_ERROR",
    "ACCESS_DENIED_TO_DATABASE": "ER_DBACCESS_DENIED_ERROR",
    "ACCESS_DENIED": "ER_ACCESS_DENIED_ERROR",
    "UNKNOWN_DATABASE": "ER_BAD_DB_ERROR",
    "SYNTAX_ERROR": "ER_PARSE_ERROR",
    "TOO_MANY_USER_CONNECTIONS": "ER_TOO_MANY_USER_CONNECTIONS",
    "USER_LIMIT_REACHED": "ER_USER_LIMIT_REACHED",
    "OPTION_PREVENTS_STATEMENT": "ER_OPTION_PREVENTS_STATEMENT",
    "CANT_LOCK": "ER_CANT_LOCK",
    "CHECK_VIOLATED": "ER_CHECK_CONSTRAINT_VIOLATED",
}
SETS = {
    "TOO_MANY": {"ER_CON_COUNT_ERROR", "ER_TOO_MANY_USER_CONNECTIONS", "ER_USER_LIMIT_REACHED"},
    "SERVER_CLOSES": {
        "ER_SERVER_SHUTDOWN",
        "ER_SHUTDOWN_COMPLETE",
        "ER_FORCING_CLOSE",
        "ER_ABORTING_CONNECTION",
        "ER_NEW_ABORTING_CONNECTION",
        "ER_NET_PACKET_TOO_LARGE",
        "ER_NET_READ_ERROR_FROM_PIPE",
        "ER_NET_PACKETS_OUT_OF_ORDER",
        "ER_NET_UNCOMPRESS_ERROR",
        "ER_NET_READ_ERROR",
        "ER_NET_READ_INTERRUPTED",
        "ER_NET_ERROR_ON_WRITE",
        "ER_NET_WRITE_INTERRUPTED",
        "ER_SESSION_WAS_KILLED",
        "ER_CLIENT_INTERACTION_TIMEOUT",
    },
    "READ_ONLY": {"ER_READ_ONLY_MODE", "ER_INNODB_READ_ONLY", "ER_SERVER_OFFLINE_MODE"},
    "CLIENT_LOST": {
        "CR_CONNECTION_ERROR",
        "CR_CONN_HOST_ERROR",
        "CR_SERVER_GONE_ERROR",
        "CR_SERVER_LOST",
        "CR_COMMANDS_OUT_OF_SYNC",
        "CR_MALFORMED_PACKET",
        "CR_SHARED_MEMORY_CONNECT_ABANDONED_ERROR",
        "CR_INVALID_CONN_HANDLE",
        "CR_SERVER_LOST_EXTENDED",
    },
}
CONNECTION_KILLED = 1927
"""MariaDB's ER_CONNECTION_KILLED. Of the three, SQLAlchemy alone has the number: in the disconnects of its MySQL dialects."""
WITHOUT_NAME = {"SERVER_CLOSES": {ER.NORMAL_SHUTDOWN, CONNECTION_KILLED}}
"""Those of the sets that the connector has no name for."""
PROXY_TIMED_OUT = 9501
"""RDS Proxy's own: AWS's user guide has it, "Troubleshooting for RDS Proxy"."""
EVERY_NUMBER = range(1, 10_000)


def test_each_number_is_the_one_of_its_name():
    numbers = {name: number for name, number in vars(error_numbers).items() if isinstance(number, int)}
    assert numbers == {name: getattr(errorcode, theirs) for name, theirs in NAMES.items()} | {"PROXY_TIMED_OUT": PROXY_TIMED_OUT}
    assert PROXY_TIMED_OUT not in vars(errorcode).values()


@pytest.mark.parametrize("name", SETS)
def test_each_set_has_the_numbers_of_its_names(name):
    assert getattr(error_numbers, name) == {getattr(errorcode, theirs) for theirs in SETS[name]} | WITHOUT_NAME.get(name, set())


@pytest.mark.parametrize("ours", [RdspoolDialect, MariaDBRdspoolDialect])
@pytest.mark.parametrize("theirs", [mysqlconnector.dialect, pymysql.dialect], ids=["mysqlconnector", "pymysql"])
def test_what_sqlalchemy_takes_for_a_disconnect_is_one(ours, theirs):
    stock, dialect = theirs(dbapi=theirs.import_dbapi()), ours(dbapi=ours.import_dbapi())
    taken = {number for number in EVERY_NUMBER if stock.is_disconnect(errors_of(stock)(number), None, None)}
    assert {errorcode.CR_SERVER_GONE_ERROR, errorcode.CR_SERVER_LOST} < taken
    assert taken == {number for number in taken if dialect.is_disconnect(OperationalError("x", errno=number), None, None)}


def errors_of(dialect):
    """Return a function that makes the OperationalError of the dialect's driver with this number."""
    kind = dialect.dbapi.OperationalError
    return (lambda number: kind("x", errno=number)) if kind is OperationalError else lambda number: kind(number, "x")


@pytest.mark.parametrize("kind", [OperationalError, DatabaseError, InterfaceError])
def test_the_sets_alone_decide_which_numbers_are_a_disconnect(kind):
    found = {number for number in EVERY_NUMBER if is_disconnect(kind("x", errno=number))}
    assert found == error_numbers.SERVER_CLOSES | error_numbers.CLIENT_LOST | error_numbers.READ_ONLY | {PROXY_TIMED_OUT}


def test_the_set_alone_decides_which_numbers_are_too_many_connections():
    settings = Settings(host="db.test", user="app", region="eu-central-1")
    explained = {
        number: diagnosis.explain(OperationalError("x", errno=number), settings, None, within(1, "test")) for number in EVERY_NUMBER
    }
    found = {number for number, error in explained.items() if isinstance(error, TooManyConnectionsError)}
    assert found == error_numbers.TOO_MANY
