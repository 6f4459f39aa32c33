"""Python values as literals: each is one token with the value's own bytes, however the server reads quotes."""

from __future__ import annotations

import array
import datetime as dt
import enum
import math
import sys
import time
import types
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.errors import ProgrammingError
from rdspool._driver.literals import literal
from sql_lexer import MODES, tokens

HOSTILE = st.text(st.sampled_from("'\"`\\%_#-/*;()xXnNb0\0\n\r\t\x1a é€𝄞") | st.characters(exclude_categories=["Cs"]), max_size=30)
MODE = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.sql_mode)


def only_token(value, mode):
    """Return the one token that a value's literal is, between the tokens of a statement."""
    for before, after in ((b"(", b")"), (b"SELECT ", b" FROM t"), (b"a=", b",'b'")):
        written = literal(value)
        sql = before + written + after
        found = [token for token in tokens(sql, mode) if len(before) <= token.begin and token.end <= len(sql) - len(after)]
        expected = len(tokens(before, mode)) + len(tokens(after, mode))
        if written.startswith(b"-"):
            assert found.pop(0).value == b"-"
            expected += 1
        assert len(found) == 1, written
        assert len(tokens(sql, mode)) == expected + 1, written
        assert found[0].end == len(before) + len(written)
    return found[0]


@MODE
@given(value=HOSTILE)
def test_a_text_is_one_string_with_its_own_bytes(mode, value):
    token = only_token(value, mode)
    assert token.kind == "string"
    assert token.value == value.encode()


@MODE
@given(value=st.binary(max_size=40) | HOSTILE.map(str.encode))
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_one_binary_string_with_their_own_bytes(mode, kind, value):
    token = only_token(kind(value), mode)
    assert (token.kind, token.value) == ("binary", value)


@pytest.mark.parametrize("value", ["%", "a\\%b", "\\_", "100\\%\\_", "it's \\% of"])
def test_a_pattern_for_like_stays_quoted(value):
    """SHOW TABLES LIKE takes a quoted literal only."""
    assert literal(value) == b"'" + value.replace("'", "''").encode() + b"'"


@pytest.mark.parametrize("value", ["\\", "a\\", "\\\\%", "\\%\\", "\\'", "C:\\temp\\%"])
def test_any_other_backslash_is_written_in_hexadecimal(value):
    assert literal(value) == b"_utf8mb4 x'" + value.encode().hex().encode() + b"'"


@MODE
@given(value=st.integers() | st.booleans())
def test_an_integer_is_one_number(mode, value):
    assert int(literal(value)) == value
    assert only_token(value, mode).kind == "number"


@MODE
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_one_number_that_reads_as_the_same_float(mode, value):
    assert b"e" in literal(value)  # without an exponent it would be a DECIMAL
    assert math.copysign(1, float(literal(value))) == math.copysign(1, value)
    assert float(literal(value)) == value
    assert only_token(value, mode).kind == "number"


@MODE
@given(value=st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_is_one_number_that_reads_as_the_same_decimal(mode, value):
    assert Decimal(literal(value).decode()) == value
    assert only_token(value, mode).kind == "number"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"NULL"),
        (True, b"1"),
        (False, b"0"),
        (float("nan"), b"NULL"),
        (Decimal("1E+3"), b"1000"),
        (Decimal("1E-7"), b"0.0000001"),
        (Decimal("1.50"), b"1.50"),
        (Decimal("1E+80"), b"1" + b"0" * 80),
        (Decimal("1E+400"), b"1E+400"),
        (Decimal("-0"), b"-0"),
        (dt.datetime(2026, 11, 23, 1, 2, 3), b"'2026-11-23 01:02:03'"),
        (dt.datetime(1, 1, 1), b"'0001-01-01 00:00:00'"),
        (dt.datetime(2026, 11, 23, 1, 2, 3, 45), b"'2026-11-23 01:02:03.000045'"),
        (dt.datetime(2026, 11, 23, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=1))), b"'2026-11-23 01:02:03'"),
        (dt.date(9999, 12, 31), b"'9999-12-31'"),
        (dt.time(1, 2, 3), b"'01:02:03'"),
        (dt.time(1, 2, 3, 4, tzinfo=dt.UTC), b"'01:02:03.000004'"),
        (dt.timedelta(0), b"'00:00:00'"),
        (dt.timedelta(hours=838, minutes=59, seconds=59), b"'838:59:59'"),
        (dt.timedelta(hours=-838, minutes=-59, seconds=-59), b"'-838:59:59'"),
        (dt.timedelta(microseconds=-1), b"'-00:00:00.000001'"),
        (dt.timedelta(days=1, microseconds=5), b"'24:00:00.000005'"),
        (dt.timedelta.max, b"'23999999999:59:59.999999'"),
        (dt.timedelta.min, b"'-23999999976:00:00'"),
        (time.struct_time((2026, 11, 23, 1, 2, 3, 0, 0, 0)), b"'2026-11-23 01:02:03'"),
        (uuid.UUID(int=1), b"'00000000-0000-0000-0000-000000000001'"),
        (array.array("f", [1.5]), b"_binary x'0000c03f'"),
        (array.array("B", b"\x27\x5c"), b"_binary x'275c'"),
        (memoryview(b"abcdef")[::2], b"_binary x'616365'"),
        (memoryview(array.array("H", [1, 2])), b"_binary x'01000200'"),
        (b"", b"_binary x''"),
        ("", b"''"),
    ],
)
def test_a_value_of_each_type(value, expected):
    assert literal(value) == expected


@given(value=st.datetimes() | st.dates() | st.times() | st.timedeltas() | st.uuids())
def test_dates_times_and_uuids_are_one_string(value):
    for mode in MODES:
        assert only_token(value, mode).kind == "string"


def test_a_struct_time_keeps_its_year():
    assert literal(time.struct_time((99, 1, 2, 3, 4, 5, 0, 0, 0))) == b"'0099-01-02 03:04:05'"


def test_an_array_without_elements_is_an_empty_binary_string():
    assert literal(array.array("f")) == b"_binary x''"


class Colour(enum.Enum):
    RED = "it's red"
    NUMBER = 7
    NOTHING = None
    INNER = b"\x00"


class Level(enum.IntEnum):
    HIGH = 3


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Name(enum.StrEnum):
    FIRST = "fir'st"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, b"'it''s red'"),
        (Colour.NUMBER, b"7"),
        (Colour.NOTHING, b"NULL"),
        (Colour.INNER, b"_binary x'00'"),
        (Level.HIGH, b"3"),
        (Flags.A | Flags.B, b"3"),
        (Name.FIRST, b"'fir''st'"),
    ],
)
def test_a_member_of_an_enum_is_its_value(value, expected):
    assert literal(value) == expected


def derived(base, **methods):
    """Return a class derived from a type that says of itself what it wants."""
    return type(f"Own{base.__name__}", (base,), {name: lambda *_, text=text: text for name, text in methods.items()})


SQL = "1); DROP TABLE t; -- "


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (derived(str, __str__=SQL, __repr__=SQL, encode=SQL.encode())("it's"), b"'it''s'"),
        (derived(int, __str__=SQL, __repr__=SQL, __format__=SQL, __int__=5, __index__=5)(3), b"3"),
        (derived(float, __str__=SQL, __repr__=SQL, __format__=SQL)(1.5), b"1.5e0"),
        (derived(bytes, __str__=SQL, __repr__=SQL, __bytes__=SQL.encode())(b"'"), b"_binary x'27'"),
        (derived(bytearray, __str__=SQL)(b"'"), b"_binary x'27'"),
        (derived(dt.datetime, __str__=SQL, isoformat=SQL)(2026, 1, 2), b"'2026-01-02 00:00:00'"),
        (derived(dt.date, __str__=SQL, isoformat=SQL)(2026, 1, 2), b"'2026-01-02'"),
        (derived(dt.timedelta, __str__=SQL)(1), b"'24:00:00'"),
        (derived(Decimal)("1.50"), b"1.50"),
        (derived(dt.time)(1, 2, 3), b"'01:02:03'"),
        (derived(uuid.UUID)(int=1), b"'00000000-0000-0000-0000-000000000001'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_of_a_derived_type_is_written_as_its_base_is(made, expected):
    assert literal(made) == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (derived(bytes, hex="0x27")(b"'"), b"_binary x'27'"),
        (derived(bytearray, hex=SQL)(b"'"), b"_binary x'27'"),
        (derived(Decimal, __str__=SQL, __format__=SQL, is_finite=True)("1.50"), b"1.50"),
        (derived(Decimal, __str__=SQL, __format__=SQL)("1E+400"), b"1E+400"),
        (derived(dt.time, isoformat=SQL)(1, 2, 3), b"'01:02:03'"),
        (derived(uuid.UUID, __str__="user'1")(int=1), b"'00000000-0000-0000-0000-000000000001'"),
    ],
    ids=["bytes", "bytearray", "Decimal", "large Decimal", "time", "UUID"],
)
def test_a_derived_type_does_not_choose_its_own_literal(made, expected):
    """hexbytes.HexBytes, for one, has a hex() that begins with 0x."""
    assert literal(made) == expected


@pytest.fixture
def numpy(monkeypatch):
    """Return a module of NumPy's name with scalars that behave as NumPy's do; the tests do without NumPy itself."""
    module = types.ModuleType("numpy")

    def scalar(name, **attributes):
        made = type(name, (), {"__module__": "numpy", "shape": (), **attributes})
        setattr(module, name, made)
        return made()

    module.scalar = scalar
    monkeypatch.setitem(sys.modules, "numpy", module)
    return module


def test_numpys_scalars_are_the_values_that_they_hold(numpy):
    assert literal(numpy.scalar("int64", item=lambda _: 5)) == b"5"
    assert literal(numpy.scalar("bool_", item=lambda _: True)) == b"1"
    assert literal(numpy.scalar("float32", item=lambda _: float("nan"))) == b"NULL"
    assert literal(numpy.scalar("void", item=lambda _: b"\0")) == b"_binary x'00'"


def test_numpys_dates_are_read_in_microseconds(numpy):
    """item() of nanoseconds is an int."""
    coarse = numpy.scalar("datetime64", item=lambda _: dt.datetime(2026, 1, 2))
    asked = []
    fine = numpy.scalar("datetime64", item=lambda _: 1, astype=lambda _, unit: asked.append(unit) or coarse)
    assert literal(fine) == b"'2026-01-02 00:00:00'"
    assert asked == ["datetime64[us]"]
    not_a_time = numpy.scalar("timedelta64", item=lambda _: None, astype=lambda found, _: found)
    assert literal(not_a_time) == b"NULL"


def test_numpys_arrays_are_refused(numpy):
    array_of_two = numpy.scalar("ndarray", item=lambda _: 1)
    array_of_two.shape = (2,)
    with pytest.raises(ProgrammingError, match="ndarray"):
        literal(array_of_two)


def test_a_scalar_of_numpys_whose_item_is_no_python_value_is_refused(numpy):
    """numpy.longdouble is its own item()."""
    with pytest.raises(ProgrammingError, match="longdouble"):
        literal(numpy.scalar("longdouble", item=lambda found: found))


class NotATime(dt.datetime):
    """As pandas.NaT: not equal to itself."""

    __hash__ = dt.datetime.__hash__

    def __eq__(self, other):
        return False

    def __ne__(self, other):
        return True


def test_pandas_not_a_time_is_null():
    assert literal(NotATime(2026, 1, 1)) == b"NULL"


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "\ud800",
        10**5000,
        object(),
        1j,
        [1],
        (1,),
        {1},
        {"a": 1},
        frozenset(),
        range(3),
        enum.Enum("Pairs", {"A": [1]}).A,
        types.SimpleNamespace(),
        time.struct_time((2026, 13, 1, 0, 0, 0, 0, 0, 0)),
        str,
        iter("a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_servers_have_no_type_for_is_refused(value):
    with pytest.raises(ProgrammingError, match="parameter"):
        literal(value)


def test_a_released_view_is_refused():
    view = memoryview(b"abc")
    view.release()
    with pytest.raises(ProgrammingError, match="memoryview"):
        literal(view)


@pytest.mark.parametrize("value", [[1], (1,), {1}])
def test_several_values_for_one_placeholder_get_advice(value):
    with pytest.raises(ProgrammingError, match="one placeholder to each value"):
        literal(value)
