"""Rows of a text result: each type's values, and what can't be read."""

from __future__ import annotations

import array
import datetime as dt
import struct
from decimal import Decimal

import pytest
from fake_server import BINARY, UTF8MB4, row
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.constants import FieldFlag, FieldType
from rdspool import ProtocolError
from rdspool._driver import rows
from rdspool._driver.columns import Column
from rdspool._driver.disconnects import is_disconnect

from local.front.protocol import lenenc

pytestmark = pytest.mark.usefixtures("each_decoder")


def read(columns, *payloads, raw=False):
    found = list(payloads)
    rows.read(found, columns, rows.converters(columns, raw))
    return found


def value_of(kind, sent, flags=0, charset=BINARY):
    ((value,),) = read([Column("v", kind, flags, charset)], row(sent))
    return value


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        (FieldType.TINY, b"-128", -128),
        (FieldType.SHORT, b"32767", 32767),
        (FieldType.INT24, b"-8388608", -8388608),
        (FieldType.LONG, b"0", 0),
        (FieldType.LONG, b"00042", 42),
        (FieldType.LONGLONG, b"18446744073709551615", 2**64 - 1),
        (FieldType.YEAR, b"2026", 2026),
        (FieldType.YEAR, b"0000", 0),
        (FieldType.FLOAT, b"1.5", 1.5),
        (FieldType.DOUBLE, b"-1.7976931348623157e308", -1.7976931348623157e308),
        (FieldType.DECIMAL, b"12.50", Decimal("12.50")),
        (FieldType.NEWDECIMAL, b"-0.0000000001", Decimal("-0.0000000001")),
        (FieldType.BIT, b"\x0a\xaa", 0b101010101010),
        (FieldType.BIT, b"\0", 0),
        (FieldType.BIT, b"\xff" * 8, 2**64 - 1),
        (FieldType.DATE, b"2026-11-23", dt.date(2026, 11, 23)),
        (FieldType.DATE, b"0001-01-01", dt.date(1, 1, 1)),
        (FieldType.NEWDATE, b"9999-12-31", dt.date(9999, 12, 31)),
        (FieldType.DATE, b"0000-00-00", None),
        (FieldType.DATE, b"2026-02-00", None),
        (FieldType.DATE, b"2026-02-31", None),
        (FieldType.DATETIME, b"2026-11-23 01:02:03", dt.datetime(2026, 11, 23, 1, 2, 3)),
        (FieldType.DATETIME, b"2026-11-23 01:02:03.1", dt.datetime(2026, 11, 23, 1, 2, 3, 100000)),
        (FieldType.DATETIME, b"2026-11-23 01:02:03.045", dt.datetime(2026, 11, 23, 1, 2, 3, 45000)),
        (FieldType.DATETIME, b"2026-11-23 01:02:03.00001", dt.datetime(2026, 11, 23, 1, 2, 3, 10)),
        (FieldType.TIMESTAMP, b"9999-12-31 23:59:59.999999", dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
        (FieldType.DATETIME, b"0000-00-00 00:00:00", None),
        (FieldType.TIMESTAMP, b"0000-00-00 00:00:00.000000", None),
        (FieldType.DATETIME, b"2026-00-00 00:00:00", None),
        (FieldType.TIME, b"12:34:56", dt.timedelta(hours=12, minutes=34, seconds=56)),
        (FieldType.TIME, b"-838:59:59", -dt.timedelta(hours=838, minutes=59, seconds=59)),
        (FieldType.TIME, b"838:59:59.000001", dt.timedelta(hours=838, minutes=59, seconds=59, microseconds=1)),
        (FieldType.TIME, b"-00:00:00.5", -dt.timedelta(microseconds=500000)),
        (FieldType.TIME, b"-00:00:00.000001", -dt.timedelta(microseconds=1)),
        (FieldType.SET, b"a,c", {"a", "c"}),
        (FieldType.SET, b"", set()),
        (FieldType.VECTOR, struct.pack("<2f", 1.5, -2.0), array.array("f", [1.5, -2.0])),
        (FieldType.GEOMETRY, b"\0\0\0\0\x01\xff", b"\0\0\0\0\x01\xff"),
        (FieldType.JSON, '{"a": "ü"}'.encode(), '{"a": "ü"}'),
        (FieldType.BLOB, b"\xde\xad", b"\xde\xad"),
        (FieldType.STRING, b"\0\xff", b"\0\xff"),
        (FieldType.NULL, b"", b""),
    ],
)
def test_a_value_of_each_type(kind, sent, expected):
    found = value_of(kind, sent)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("kind", [FieldType.VAR_STRING, FieldType.STRING, FieldType.BLOB, FieldType.VARCHAR, FieldType.ENUM])
def test_a_text_is_str_and_bytes_are_bytes(kind):
    assert value_of(kind, "größe €".encode(), charset=UTF8MB4) == "größe €"
    assert value_of(kind, b"\xff\0") == b"\xff\0"
    assert value_of(kind, b"\xff\0", charset=UTF8MB4) == b"\xff\0", "text that is no UTF-8 is not lost"
    assert value_of(kind, b"", charset=UTF8MB4) == ""


def test_a_set_is_sent_as_a_string_with_a_flag():
    assert value_of(FieldType.STRING, b"a,b", flags=FieldFlag.SET, charset=UTF8MB4) == {"a", "b"}


@pytest.mark.parametrize("kind", sorted({value for name, value in vars(FieldType).items() if name.isupper() and isinstance(value, int)}))
def test_null_is_none_in_every_type(kind):
    assert value_of(kind, None) is None


@pytest.mark.parametrize("kind", [FieldType.LONG, FieldType.DATETIME, FieldType.SET, FieldType.VAR_STRING])
def test_raw_values_are_the_bytes_that_came(kind):
    columns = [Column("a", kind, 0, UTF8MB4), Column("b", kind, 0, UTF8MB4)]
    assert read(columns, row(b"no \xff number", None), raw=True) == [(b"no \xff number", None)]


@pytest.mark.parametrize("size", [0, 1, 250, 251, 252, 65535, 65536, (1 << 24) - 1, 1 << 24])
def test_values_of_every_size_are_read_between_others(size):
    columns = [Column(name, FieldType.BLOB, 0, BINARY) for name in "abc"]
    assert read(columns, row(b"x", b"y" * size, None)) == [(b"x", b"y" * size, None)]


@given(st.lists(st.lists(st.none() | st.binary(max_size=300), min_size=3, max_size=3), max_size=5))
def test_rows_are_read_as_they_were_written(given_rows):
    columns = [Column(name, FieldType.BLOB, 0, BINARY) for name in "abc"]
    assert read(columns, *(row(*values) for values in given_rows)) == [tuple(values) for values in given_rows]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (FieldType.LONG, b"abc"),
        (FieldType.LONG, b""),
        (FieldType.LONGLONG, b"9" * 5000),
        (FieldType.DOUBLE, b"1,5"),
        (FieldType.NEWDECIMAL, b"1.2.3"),
        (FieldType.NEWDECIMAL, b"\xff"),
        (FieldType.DATE, b"yesterday"),
        (FieldType.DATE, b""),
        (FieldType.DATE, b"abcd-ef-gh"),
        (FieldType.DATE, b"2026-11-\xff\xff"),
        (FieldType.DATETIME, b"2026/11/23"),
        (FieldType.DATETIME, b"abcd-ef-gh 00:00:00"),
        (FieldType.DATETIME, b"2026-11-23 xx:00:00"),
        (FieldType.TIME, b"12:34"),
        (FieldType.TIME, b"1:2:3:4"),
        (FieldType.TIME, b"9" * 30 + b":00:00"),
        (FieldType.SET, b"\xff"),
        (FieldType.VECTOR, b"\0\0\0"),
        (FieldType.BIT, b"\0" * 9),
        (FieldType.BIT, b"\xff" * 5000),
    ],
)
def test_a_value_that_cant_be_read_is_reported_with_its_column(kind, sent):
    columns = [Column("first", FieldType.LONG, 0, BINARY), Column("größe", kind, 0, BINARY), Column("last", FieldType.LONG, 0, BINARY)]
    with pytest.raises(ProtocolError, match="column 'größe'") as caught:
        read(columns, row(b"1", b"2026-11-23" if "DATE" in FieldType.get_info(kind) else None, b"1"), row(b"1", sent, b"2"))
    assert FieldType.get_info(kind) in str(caught.value)
    assert repr(sent[:60]) in str(caught.value)
    assert is_disconnect(caught.value)


def test_a_value_of_a_type_without_a_name_that_cant_be_read():
    def fail(value):
        raise ValueError

    column = Column("v", 99, 0, BINARY)
    found = [row(b"x")]
    with pytest.raises(ProtocolError, match=r"column 'v' \(type 99\) holds b'x': ValueError"):
        rows.read(found, [column], rows.Converters([fail]))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x01",
        b"\x05abc",
        b"\x01a",
        b"\x01a\x01",
        b"\x01a\x05bc",
        b"\x01a\xfc\x01",
        b"\x01a\xfd\x01\0",
        b"\x01a\xfe\x01\0\0\0",
        b"\x01a\xff",
        b"\xff",
        b"\x01a\xfe" + (1 << 60).to_bytes(8, "little") + b"x",
        b"\xfb",
    ],
)
@pytest.mark.parametrize("raw", [False, True])
def test_a_field_that_goes_past_its_row_is_refused(payload, raw):
    columns = [Column(name, FieldType.VAR_STRING, 0, UTF8MB4) for name in "ab"]
    with pytest.raises(ProtocolError, match="a row that can't be read"):
        read(columns, payload, raw=raw)


@pytest.mark.parametrize("payload", [row(b"a", b"b", b"c"), row(b"a", b"b") + b"\0", row(None, None, None)])
def test_a_row_with_bytes_left_over_is_refused(payload):
    columns = [Column(name, FieldType.VAR_STRING, 0, UTF8MB4) for name in "ab"]
    with pytest.raises(ProtocolError, match="more than its 2 columns"):
        read(columns, payload)


@given(payload=st.binary(max_size=40), kinds=st.lists(st.sampled_from(sorted(rows._BY_TYPE)), min_size=1, max_size=4))
def test_whatever_stands_in_a_row_is_a_value_or_a_protocol_error(payload, kinds):
    columns = [Column("v", kind, 0, UTF8MB4) for kind in kinds]
    try:
        ((found),) = read(columns, payload)
    except ProtocolError as error:
        assert error.errno == 2027  # noqa: PT017 - either is right
    else:
        assert len(found) == len(columns)


@given(sent=st.binary(max_size=30), kind=st.sampled_from(sorted(rows._BY_TYPE)))
def test_whatever_stands_in_a_value_is_a_value_or_a_protocol_error(sent, kind):
    try:
        value_of(kind, sent)
    except ProtocolError as error:
        assert "column 'v'" in str(error)  # noqa: PT017 - either is right


def test_a_length_may_be_written_longer_than_it_needs():
    columns = [Column("v", FieldType.VAR_STRING, 0, UTF8MB4)]
    for written in (b"\xfc\x01\0", b"\xfd\x01\0\0", b"\xfe" + b"\x01" + b"\0" * 7, lenenc(1)):
        assert read(columns, written + b"x") == [("x",)]
