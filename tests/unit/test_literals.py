"""Parameters as SQL literals: the same text as the connector's own, for any value."""

import datetime as dt
import decimal
import enum
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.conversion import MySQLConverter
from mysql.connector.errors import ProgrammingError
from rdspool.cursor import Cursor, substitute, substitute_named


class Colour(enum.Enum):
    RED = "r'ed"


class Text(str):
    __slots__ = ()


class Number(int):
    pass


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas(min_value=dt.timedelta(days=-30), max_value=dt.timedelta(days=30))
    | st.builds(bytearray, st.binary())
    | st.sampled_from([Colour.RED, Text("a'b\\"), Number(7), decimal.Decimal("1.50")])
)


def cursor(charset="utf8mb4", *, no_backslash_escapes=False):
    made = Cursor.__new__(Cursor)
    made._connection = SimpleNamespace(converter=MySQLConverter(charset), no_backslash_escapes=no_backslash_escapes)
    return made


def stock(value, converter, mode):
    escaped = converter.escape(converter.to_mysql(value), mode)
    return bytes(escaped if isinstance(value, decimal.Decimal) else converter.quote(escaped))


@given(value=VALUES, no_backslash_escapes=st.booleans(), charset=st.sampled_from(["utf8mb4", "latin1", "gbk", "sjis", "binary"]))
def test_equals_the_connectors(value, no_backslash_escapes, charset):
    made = cursor(charset, no_backslash_escapes=no_backslash_escapes)
    try:
        expected = stock(value, MySQLConverter(charset), "NO_BACKSLASH_ESCAPES" if no_backslash_escapes else "")
    except UnicodeEncodeError:
        with pytest.raises(ProgrammingError):
            made._process_params([value])
        return
    assert made._process_params([value]) == (expected,)


def test_positional():
    assert substitute(b"a %s b %s", (1, 2), lambda values: [b"%d" % value for value in values]) == b"a 1 b 2"
    for statement in (b"%s", b"%s %s %s"):
        with pytest.raises(ProgrammingError, match="placeholders, 2 values"):
            substitute(statement, (1, 2), lambda values: [b"x"] * len(values))


def test_named():
    literals = {b"a": b"'%(b)s'", b"b": b"2"}
    assert substitute_named(b"%(a)s %(b)s %(a)s 5 % 2 %s %(b)%", literals) == b"'%(b)s' 2 '%(b)s' 5 % 2 %s %"
    with pytest.raises(ProgrammingError, match=r"%\(c\)s; values were given for: a, b"):
        substitute_named(b"%(c)s", literals)
    with pytest.raises(ProgrammingError, match=r"%\(a\)d"):
        substitute_named(b"%(a)d", literals)
