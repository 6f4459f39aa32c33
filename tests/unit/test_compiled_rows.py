"""The decoder of rows in C beside the one in Python: the same rows and the same errors for whatever comes, and nothing kept or lost."""

from __future__ import annotations

import datetime as dt
import gc
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from fake_server import BINARY, UTF8MB4, end, packets, refusal, row
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.constants import FieldFlag, FieldType
from mysql.connector.errors import Error
from rdspool._driver import _compiled, compiled, rows
from rdspool._driver.columns import Column
from rdspool._driver.packets import PacketStream

from layer.building import extension

KINDS = sorted({value for name, value in vars(FieldType).items() if name.isupper() and isinstance(value, int)})
INTEGERS = st.integers(-(2**63), 2**64 - 1).map(str) | st.from_regex(r"[-+]?[0-9_]{0,21}", fullmatch=True)
NUMBERS = (
    st.floats().map(repr)
    | st.decimals(allow_nan=False).map(str)
    | st.from_regex(r"[-+]?[0-9]{0,20}\.?[0-9]{0,20}(e[-+]?[0-9]{1,3})?", fullmatch=True)
    | st.sampled_from(["inf", "-NaN", " 1", "1_0", "1e999", "-1e-999", "-1", "-1.0", "-0.0", "1e", ".", "9" * 70, "٣"])
)
DATES = (
    st.dates().map(str)
    | st.datetimes().map(str)
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,7})?)?", fullmatch=True)
    | st.sampled_from(
        ["20260131", "2026-W01-1", "2026-01-31 010203", "2026-01-31é01:02:03", "2026-01-31 01:02:03+01:00", "2026-01-31 24:00:00"]
    )
)
TIMES = st.from_regex(r"-?[0-9]{0,7}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,7})?", fullmatch=True) | st.timedeltas().map(str)
VALUES = (
    st.none()
    | st.binary(max_size=12)
    | st.one_of(INTEGERS, NUMBERS, DATES, TIMES, st.text(max_size=300)).map(lambda text: text.encode("utf-8", "replace"))
)
COLUMNS = st.lists(
    st.builds(Column, st.just("v"), st.sampled_from(KINDS), st.sampled_from([0, FieldFlag.SET]), st.sampled_from([BINARY, UTF8MB4])),
    min_size=1,
    max_size=5,
)
READ_IN_C = [
    (FieldType.TINY, b"-128", -128),
    (FieldType.YEAR, b"0000", 0),
    (FieldType.LONGLONG, b"-9223372036854775807", -(2**63) + 1),
    (FieldType.LONGLONG, b"18446744073709551615", 2**64 - 1),
    (FieldType.DOUBLE, b"-1.7976931348623157e308", -1.7976931348623157e308),
    (FieldType.DOUBLE, b"-1", -1.0),
    (FieldType.NEWDECIMAL, b"-0.0000000001", Decimal("-0.0000000001")),
    (FieldType.BIT, b"\xff" * 8, 2**64 - 1),
    (FieldType.DATE, b"9999-12-31", dt.date(9999, 12, 31)),
    (FieldType.DATE, b"0000-00-00", None),
    (FieldType.DATETIME, b"2026-11-23 01:02:03.04", dt.datetime(2026, 11, 23, 1, 2, 3, 40000)),
    (FieldType.TIMESTAMP, b"0000-00-00 00:00:00.000000", None),
    (FieldType.TIME, b"-838:59:59.5", -dt.timedelta(hours=838, minutes=59, seconds=59, milliseconds=500)),
    (FieldType.SET, b"a,c", {"a", "c"}),
    (FieldType.VAR_STRING, "größe".encode(), "größe"),
    (FieldType.VAR_STRING, b"\xff", b"\xff"),
    (FieldType.JSON, b"{}", "{}"),
    (FieldType.GEOMETRY, b"\0\xff", b"\0\xff"),
]
LEFT = [
    (FieldType.LONG, b"+1"),
    (FieldType.LONG, b""),
    (FieldType.LONGLONG, b"18446744073709551616"),
    (FieldType.LONGLONG, b"-9223372036854775808" + b"0"),
    (FieldType.DOUBLE, b"1,5"),
    (FieldType.DOUBLE, b"inf"),
    (FieldType.NEWDECIMAL, b"1.2.3"),
    (FieldType.DATE, b"20260131"),
    (FieldType.DATETIME, b"2026-11-23T01:02:03"),
    (FieldType.TIME, b"1:2:3"),
    (FieldType.BIT, b"\0" * 9),
    (FieldType.SET, b"\xff"),
    (FieldType.VECTOR, b"123"),
]
"""What rows.py gives a value or an error for, and _compiled_rows.c does not read."""


def described(kind, charset=UTF8MB4):
    return [Column("v", kind, 0, charset)]


def outcome(sent, columns, *, most=None, in_c=True):
    """Return what follows from bytes in the place of rows: rows or an error, what ended them, and the number that is expected next."""
    ours, theirs = socket.socketpair()
    theirs.sendall(sent)
    theirs.close()
    stream = PacketStream(ours, "db.test", 3306)
    stream.max_allowed_packet = 100_000
    with pytest.MonkeyPatch.context() as patched:
        if not in_c:
            patched.setattr(compiled, "in_c", None)
        convert = rows.converters(columns)
    found = []
    try:
        while True:
            part, last = stream.receive_rows(most, None, convert)
            rows.read(part, columns, convert)
            found += part
            if last is not None or not part:
                return repr((found, last, stream._expected))
    except Error as error:
        return repr((found, str(error), repr(error.__cause__), stream._expected))
    finally:
        stream.close()


@pytest.mark.parametrize(("kind", "sent", "expected"), READ_IN_C)
def test_what_servers_write_is_read_in_c(kind, sent, expected):
    found = rows.converters(described(kind)).one(row(sent))
    assert found is not None
    assert (type(found[0]), found[0]) == (type(expected), expected)


@pytest.mark.parametrize(("kind", "sent"), LEFT)
def test_what_no_server_writes_is_left_to_python(kind, sent):
    assert rows.converters(described(kind)).one(row(sent)) is None


def test_each_double_is_the_nearest_one():
    """Decimal fractions of all sizes, and those that lie in the middle between two doubles."""
    generator = random.Random(26)
    one = rows.converters(described(FieldType.DOUBLE)).one

    def decimal(digits, places):
        written = str(digits).zfill(places + 1)
        return f"{written[:-places]}.{written[-places:]}" if places else written

    for _ in range(30_000):
        whole, places = generator.getrandbits(generator.randrange(1, 67)), generator.randrange(30)
        middle = decimal((2 * generator.getrandbits(53) + 1) * 5 ** (power := generator.randrange(12)), power)
        for text in (decimal(whole, places), middle, repr(generator.random() * 10.0 ** generator.randrange(-9, 20))):
            for signed in (text, f"-{text}"):
                (found,) = one(row(signed.encode()))
                assert found.hex() == float(signed).hex(), signed


@given(columns=COLUMNS, data=st.data())
def test_rows_are_the_same_in_c_and_in_python(columns, data):
    number = len(columns)
    sent = packets(
        [*(row(*values) for values in data.draw(st.lists(st.lists(VALUES, min_size=number, max_size=number), max_size=6))), end()], 0
    )
    most = data.draw(st.none() | st.integers(1, 4))
    assert outcome(sent, columns, most=most) == outcome(sent, columns, most=most, in_c=False)


@given(columns=COLUMNS, data=st.data())
def test_damaged_rows_are_the_same_in_c_and_in_python(columns, data):
    number = len(columns)
    values = st.lists(st.none() | st.binary(max_size=4) | st.sampled_from([b"1", b"2026-01-31"]), min_size=number, max_size=number)
    payloads = data.draw(st.lists(st.builds(lambda some: row(*some), values) | st.binary(max_size=20), max_size=6))
    sent = bytearray(
        packets([*payloads, data.draw(st.sampled_from([end(), refusal(), b"\xfe" * 9, b"", b"\xfb"])), end()], data.draw(st.integers(0, 1)))
    )
    for _ in range(data.draw(st.integers(0, 3))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    sent = sent[: data.draw(st.integers(0, len(sent)))] if data.draw(st.booleans()) else sent
    most = data.draw(st.none() | st.integers(1, 4))
    assert outcome(sent, columns, most=most) == outcome(sent, columns, most=most, in_c=False)


def test_rows_before_and_behind_one_that_is_left_are_there(stream_and_peer):
    stream, peer = stream_and_peer
    columns = described(FieldType.LONG)
    convert = rows.converters(columns)
    peer.sendall(packets([row(b"1"), row(b"+2"), row(b"3"), end()], 0))
    found, last = stream.receive_rows(None, None, convert)
    assert found == [(1,), row(b"+2"), row(b"3")]
    rows.read(found, columns, convert)
    assert (found, last) == ([(1,), (2,), (3,)], end())


@pytest.mark.parametrize("sizes", [[65_536, 65_536], [(1 << 24) + 5], [3, 1 << 24, 70_000]])
def test_rows_that_do_not_fit_into_one_read_are_read_in_c(stream_and_peer, sizes):
    stream, peer = stream_and_peer
    columns = [Column("a", FieldType.BLOB, 0, BINARY)] * 2
    sent = packets([*(row(b"x" * size, b"y") for size in sizes), end()], 0)
    sending = threading.Thread(target=peer.sendall, args=(sent,), daemon=True)
    sending.start()
    found, _ = stream.receive_rows(None, None, rows.converters(columns))
    sending.join()
    assert found == [(b"x" * size, b"y") for size in sizes]


@pytest.mark.parametrize(("asked", "there", "used"), [("c", True, True), ("", True, True), ("python", True, False), ("c", False, False)])
def test_rows_are_read_in_python_where_that_is_asked_for_or_c_is_missing(tmp_path, asked, there, used):
    left_out = ["__pycache__"] if there else ["__pycache__", "*.so"]
    shutil.copytree(extension.matrix.PROJECT / "python", tmp_path / "python", ignore=shutil.ignore_patterns(*left_out))
    variables = os.environ | {"PYTHONPATH": str(tmp_path / "python"), "RDSPOOL_ROWS": asked}
    script = "import sys; from rdspool._driver import compiled; print(compiled.__file__.startswith(sys.argv[1]), compiled.in_c is not None)"
    run = subprocess.run([sys.executable, "-B", "-c", script, str(tmp_path)], env=variables, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["True", str(used)], run.stderr


def test_an_interrupt_within_a_value_goes_on():
    def interrupted(value):
        raise KeyboardInterrupt

    convert = rows.Converters([interrupted])
    for call in (lambda: convert.one(row(b"x")), lambda: convert.take(packets([row(b"x")], 0), 0, 0, 9, [])):
        with pytest.raises(KeyboardInterrupt):
            call()


@pytest.mark.parametrize(
    "given_wrongly",
    [
        lambda: _compiled.row(b"b", (None,)),
        lambda: _compiled.rows(b"b", (None,), b""),
        lambda: _compiled.row("b", (None,), b""),
        lambda: _compiled.row(b"b", [None], b""),
        lambda: _compiled.row(b"b", (), b""),
        lambda: _compiled.row(b"b", (None,), bytearray(b"\0")),
        lambda: _compiled.row(b"?", (None,), b"\0"),
        lambda: _compiled.rows(b"b", (None,), b"\1\0\0\0\0", -1, 0, 9, []),
        lambda: _compiled.rows(b"b", (None,), b"\1\0\0\0\0", 6, 0, 9, []),
        lambda: _compiled.rows(b"b", (None,), b"\1\0\0\0\0", 1 << 70, 0, 9, []),
        lambda: _compiled.rows(b"b", (None,), b"\1\0\0\0\0", 0, 0, 9, ()),
        lambda: _compiled.rows(b"b", (None,), b"\1\0\0\0\0", "0", 0, 9, []),
    ],
)
def test_wrong_arguments_are_refused(given_wrongly):
    with pytest.raises((TypeError, ValueError, OverflowError, SystemError)):
        given_wrongly()


def test_the_collector_leaves_out_rows_whose_values_refer_to_nothing():
    of_texts, with_a_set = rows.converters(described(FieldType.VAR_STRING)), rows.converters(described(FieldType.SET))
    assert not gc.is_tracked(of_texts.one(row(b"a")))
    assert gc.is_tracked(with_a_set.one(row(b"a")))


def test_no_object_is_kept(objects_kept):
    """Each way through the code leaves as many objects as there were."""
    generator = random.Random(26)
    columns = [Column("v", kind, 0, charset) for kind in KINDS for charset in (BINARY, UTF8MB4)]
    sent = [value for _, value, _ in READ_IN_C] + [value for _, value in LEFT]
    cases = [
        (rows.Converters([rows.converter(column)]), row(value)[: generator.choice([None, 1, -1])]) for column in columns for value in sent
    ]

    def once():
        for convert, payload in cases:
            convert.one(payload)
            convert.take(packets([payload, payload, b"\xfe"], 0), 0, 0, 9, [])

    assert objects_kept(once, 20) < 100
