"""The protocol's data types, and the answers that every command can have: OK, EOF, ERR, the number of columns, a column."""

from __future__ import annotations

import pytest
from fake_server import column, end, is_one_line, ok, refusal
from hypothesis import example, given
from hypothesis import strategies as st
from mysql.connector import errors
from mysql.connector.constants import FieldFlag
from mysql.connector.errors import DatabaseError, IntegrityError, OperationalError, ProgrammingError
from rdspool import ProtocolError, ProxyTimeoutError
from rdspool._driver import columns
from rdspool._driver.columns import Column, parse_column
from rdspool._driver.disconnects import is_disconnect
from rdspool._driver.payload import PayloadReader, encoded_length, malformed
from rdspool._driver.responses import End, Ok, parse_column_count, parse_end, parse_error, parse_ok
from rdspool.errors import printable

from local.front.protocol import lenenc, lenenc_bytes

LENGTHS = [0, 1, 250, 251, 252, 65535, 65536, (1 << 24) - 1, 1 << 24, (1 << 64) - 1]

# -- data types ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", LENGTHS)
def test_a_length_reads_as_it_was_written(number):
    written = encoded_length(number)
    assert written == lenenc(number)
    reader = PayloadReader(b"?" + written + b"rest", "a test", 1)
    assert reader.length() == number
    assert reader.rest() == b"rest"


@pytest.mark.parametrize("first", [0xFB, 0xFF])
def test_a_byte_that_begins_no_length_is_refused(first):
    with pytest.raises(ProtocolError, match=f"begins with the byte {first}"):
        PayloadReader(bytes((first,)) + b"\0" * 8, "a test").length()


@pytest.mark.parametrize("payload", [b"", b"\xfc", b"\xfc\0", b"\xfd\0\0", b"\xfe" + b"\0" * 7])
def test_a_length_that_is_cut_is_refused(payload):
    with pytest.raises(ProtocolError, match="past its end"):
        PayloadReader(payload, "a test").length()


@pytest.mark.parametrize("announced", [4, 251, 1 << 60])
def test_a_text_that_is_longer_than_its_payload(announced):
    with pytest.raises(ProtocolError, match=f"a test that can't be read: {announced} bytes at position"):
        PayloadReader(lenenc(announced) + b"abc", "a test").text()


def test_each_part_of_a_payload_is_read():
    reader = PayloadReader(b"\x01\x02abc\0def\0", "a test")
    assert reader.integer(2) == 0x0201
    assert reader.until_nul() == b"abc"
    assert reader.fixed(2) == b"de"
    assert reader.until_nul() == b"f"
    assert reader.until_nul() == b""
    assert reader.rest() == b""
    with pytest.raises(ProtocolError):
        reader.integer(1)


def test_a_text_without_its_nul_goes_to_the_end():
    assert PayloadReader(b"abc", "a test").until_nul() == b"abc"


def test_an_unreadable_payload_is_shown_in_part():
    assert "it begins with nothing" in str(malformed("a test", b"", "why"))
    assert "begins 00 01" in str(malformed("a test", b"\0\1", "why"))
    shown = str(malformed("a test", b"x" * 1_000_000, "why"))
    assert "(1000000 bytes)" in shown
    assert len(shown) < 300
    assert malformed("a test", b"", "why").errno == 2027
    assert is_disconnect(malformed("a test", b"", "why"))


# -- OK and EOF ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last_id", LENGTHS)
@pytest.mark.parametrize("affected", LENGTHS)
def test_an_ok_with_numbers_of_every_size(affected, last_id):
    assert parse_ok(ok(affected, last_id, status=0x4003, warnings=65535, info=b"Rows matched: 1")) == Ok(affected, last_id, 0x4003, 65535)


@pytest.mark.parametrize("whole", [ok(1, 2), ok(1 << 40, 3), ok(3, 1 << 40)], ids=["small", "large first", "large second"])
def test_an_ok_that_is_cut_is_refused(whole):
    for size in range(1, len(whole)):
        with pytest.raises(ProtocolError, match="an OK packet"):
            parse_ok(whole[:size])


def test_an_end_is_read_and_one_of_another_size_refused():
    assert parse_end(end(status=0x0022, warnings=7)) == End(7, 0x0022)
    for payload in (b"\xfe", end()[:4], end() + b"x"):
        with pytest.raises(ProtocolError, match="an EOF packet"):
            parse_end(payload)


# -- errors --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "state", "kind"),
    [
        (1064, "42000", ProgrammingError),
        (1062, "23000", IntegrityError),
        (3819, "HY000", IntegrityError),
        (1205, "HY000", DatabaseError),
        (1927, "70100", OperationalError),
        (4031, "HY000", OperationalError),
        (1040, "08004", OperationalError),
        (9999, "ZZZZZ", DatabaseError),
    ],
)
def test_a_refusal_is_the_exception_that_pep_249_has_for_it(number, state, kind):
    error = parse_error(refusal(number, "the reason", state))
    assert type(error) is kind
    assert (error.errno, error.sqlstate, error.msg) == (number, state, "the reason")


def test_a_proxy_without_a_connection_to_the_database_is_an_error_that_says_what_to_do():
    error = parse_error(refusal(9501, "Timed-out waiting to acquire database connection", "HY000"))
    assert (type(error), error.errno, error.sqlstate) == (ProxyTimeoutError, 9501, "HY000")
    assert error.msg.startswith("Timed-out waiting to acquire database connection: RDS Proxy got no connection")
    assert "nothing was run" in error.msg
    assert "DatabaseConnectionsCurrentlySessionPinned" in error.msg


def test_a_refusal_without_a_sqlstate_is_read():
    error = parse_error(b"\xff\x10\x04Too many connections")
    assert (type(error), error.errno, error.sqlstate, error.msg) == (DatabaseError, 1040, None, "Too many connections")


@pytest.mark.parametrize("payload", [b"\xff", b"\xff\x10", b"\xff\x10\x04#", b"\xff\x10\x04#0800"])
def test_a_refusal_that_is_cut_is_refused(payload):
    with pytest.raises(ProtocolError, match="an error that can't be read"):
        parse_error(payload)


@pytest.mark.parametrize("number", [0, 1, 1999, 2000, 2013, 2999, 3024, 65535])
@pytest.mark.parametrize("state", ["", "#HY000"])
def test_every_number_without_a_text_is_an_error_that_can_be_shown(number, state):
    error = parse_error(b"\xff" + number.to_bytes(2, "little") + state.encode())
    assert isinstance(error, errors.Error)
    assert isinstance(str(error), str)


def test_a_statement_that_the_server_stopped_has_not_lost_the_connection():
    """The error of max_execution_time has the number of a time-out of the client's."""
    assert not is_disconnect(parse_error(refusal(3024, "maximum statement execution time exceeded", "HY000")))


def test_a_text_is_kept_but_for_its_control_characters():
    error = parse_error(refusal(1064, "near 'ä\n\x1b[31m\u2028\x85\t'", "42000"))
    assert error.msg == r"near 'ä\n\x1b[31m\u2028\x85\t'"


def test_a_sqlstate_has_no_control_characters_either():
    error = parse_error(b"\xff\x28\x04#4\n\x1b\r0near ...")
    assert not set("\n\x1b\r") & set(str(error))


def test_a_text_of_any_length_is_cut():
    error = parse_error(refusal(1064, "\n" * 1_000_000))
    assert len(error.msg) < 5000
    assert error.msg.endswith("... (cut)")
    assert printable("x" * 2000) == "x" * 2000


def test_a_text_that_is_no_utf_8():
    assert parse_error(b"\xff\x28\x04#42000caf\xe9").msg == "caf\ufffd"


@given(st.binary(max_size=40))
@example("\0\0\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}\N{ARABIC LETTER MARK}".encode())
def test_whatever_stands_in_a_refusal_is_an_error(payload):
    try:
        error = parse_error(b"\xff" + payload)
    except ProtocolError as unreadable:
        error = unreadable
    assert isinstance(error, errors.Error)
    assert is_one_line(str(error))


# -- columns -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 250, 251, 4096])
def test_a_number_of_columns_is_read(count):
    assert parse_column_count(lenenc(count)) == count


@pytest.mark.parametrize("payload", [lenenc(0), lenenc(4097), lenenc(1 << 60), b"\x01\x01", b"\xfc\x01", b"\xfe", b"\xfc\x01\x00\x00"])
def test_an_impossible_number_of_columns_is_refused(payload):
    with pytest.raises(ProtocolError, match="number of a result's columns"):
        parse_column_count(payload)


def test_a_column_is_read():
    found = parse_column(column("größe", 246, flags=FieldFlag.NOT_NULL, charset=63))
    assert found == Column("größe", 246, int(FieldFlag.NOT_NULL), 63)
    assert found.description == ("größe", 246, None, None, None, None, False)
    assert parse_column(column("x")).description[-1] is True


def test_a_column_that_is_cut_is_refused():
    whole = column("name")
    for size in range(len(whole)):
        with pytest.raises(ProtocolError, match="a column's description"):
            parse_column(whole[:size])


def test_a_column_whose_fixed_part_is_too_short():
    with pytest.raises(ProtocolError, match="less than 12 bytes"):
        parse_column(column("name").replace(b"\x0c", b"\x0b", 1))


def test_a_column_whose_name_is_no_utf_8():
    with pytest.raises(ProtocolError, match="no UTF-8"):
        parse_column(column("name").replace(lenenc_bytes(b"name"), lenenc_bytes(b"nam\xff")))


def test_columns_are_kept_for_later_results_and_their_number_is_bounded():
    columns._known.clear()
    first = parse_column(column("a"))
    assert parse_column(column("a")) is first
    for number in range(5000):
        parse_column(column(f"c{number}"))
    assert len(columns._known) <= 2000


def test_a_column_of_more_bytes_than_any_has_is_not_kept():
    """A kept column stays as long as the process: thousands of 16 MiB each would fill a function's memory."""
    columns._known.clear()
    assert parse_column(column("a") + b"x" * 100_000).name == "a"
    assert sum(map(len, columns._known)) < 100_000
