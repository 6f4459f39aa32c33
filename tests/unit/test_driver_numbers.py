"""The numbers and sizes that the servers' documentation fixes, written a second time, from there."""

from __future__ import annotations

import socket

import pytest
from fake_server import end, ok, packets, row
from mysql.connector.errors import DatabaseError, IntegrityError, OperationalError
from rdspool import ProtocolError
from rdspool._aws import token
from rdspool._driver import answers, batches, columns, resumption, sign_in, statements
from rdspool._driver import packets as packet_stream
from rdspool._driver.disconnects import is_disconnect
from rdspool._driver.payload import PayloadReader, malformed
from rdspool._driver.responses import parse_end, parse_error, parse_ok
from rdspool._lambda import attributes
from rdspool.errors import printable

LOST = {1053, 1077, 1079, 1080, 1152, 1153, 1154, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1836, 1874, 1927, 3032, 3169, 4031}
LOST_ON_OUR_SIDE = {2002, 2003, 2006, 2013, 2014, 2027, 2045, 2048, 2055}


def test_the_errors_after_which_a_connection_is_replaced_are_these_and_no_others():
    assert {number for number in range(1, 6000) if is_disconnect(DatabaseError("x", errno=number))} == LOST | LOST_ON_OUR_SIDE


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (packet_stream.MAX_PAYLOAD, 16_777_215),
        (packet_stream.DEFAULT_MAX_ALLOWED_PACKET, 134_217_728),
        (packet_stream.SIGN_IN_BYTES, 65_536),
        (packet_stream.EOF_SIZE, 9),
        (batches.BATCH_BYTES, 1_048_576),
        (answers.DISCARDED_BYTES, 1_048_576),
        (resumption.LONGEST, 14_400),
        (token.TOKEN_LIFETIME, 900),
        (token.RENEWAL_MARGIN, 120),
        (sign_in.UTF8MB4, 45),
        (columns._MOST, 2000),
        (statements._MOST, 500),
        (statements._LONGEST, 20_000),
    ],
)
def test_sizes_and_times_that_others_rely_on(value, expected):
    assert value == expected


@pytest.mark.parametrize("warnings", [0, 1, 255, 256, 258, 65535])
@pytest.mark.parametrize("status", [0, 1, 2, 0x4002, 0x8001])
def test_an_oks_status_and_warnings(status, warnings):
    for affected in (0, 1, 250, 251, 70_000):
        found = parse_ok(ok(affected, 7, status=status, warnings=warnings))
        assert (found.affected_rows, found.last_insert_id, found.status, found.warnings) == (affected, 7, status, warnings)
    found = parse_ok(ok(1, 300, status=status, warnings=warnings, info=b"info"))
    assert (found.last_insert_id, found.status, found.warnings) == (300, status, warnings)


@pytest.mark.parametrize("number", [0, 1, 255, 256, 258, 65535])
def test_an_ends_status_and_warnings(number):
    assert parse_end(end(status=number, warnings=7)) == (7, number)
    assert parse_end(end(status=2, warnings=number)) == (number, 2)


def test_a_text_that_is_empty_before_its_nul():
    reader = PayloadReader(b"\0abc", "a test")
    assert (reader.until_nul(), reader.rest()) == (b"", b"abc")
    reader = PayloadReader(b"a\0\0b", "a test", 1)
    assert (reader.until_nul(), reader.until_nul(), reader.until_nul()) == (b"", b"", b"b")


def test_a_reader_goes_on_where_it_is():
    reader = PayloadReader(b"\x01\x02\x03\x04\x05\x06\x07", "a test", 2)
    assert (reader.fixed(2), reader.integer(2), reader.rest(), reader.rest()) == (b"\x03\x04", 0x0605, b"\x07", b"")
    with pytest.raises(ProtocolError, match="1 bytes at position 7 go past its end"):
        reader.fixed(1)


@pytest.mark.parametrize(("size", "cut"), [(0, False), (40, False), (41, True)])
def test_how_much_of_an_unreadable_payload_is_shown(size, cut):
    text = str(malformed("a test", b"\x07" * size, "no reason").msg)
    assert text.count("07") == min(size, 40)
    assert (f"... ({size} bytes)" in text) is cut
    assert ("with nothing" in text) is (size == 0)


def test_a_text_of_others_is_cut_behind_2000_characters():
    assert printable("x" * 2000) == "x" * 2000
    assert printable("x" * 2001) == "x" * 2000 + "... (cut)"
    assert printable("x\n" * 3, 4) == r"x\nx\n... (cut)"


def test_a_violated_check_is_an_integrity_error_with_its_number_and_state():
    found = parse_error(b"\xff" + (3819).to_bytes(2, "little") + b"#HY000Check constraint 'c' is violated.")
    assert type(found) is IntegrityError
    assert (found.errno, found.sqlstate, found.msg) == (3819, "HY000", "Check constraint 'c' is violated.")
    other = parse_error(b"\xff" + (3818).to_bytes(2, "little") + b"#HY000x")
    assert not isinstance(other, IntegrityError)


# -- packets ---------------------------------------------------------------------------------------------------------------------------


def test_each_refusal_of_a_stream_has_its_number(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([b"unasked"]))
    with pytest.raises(ProtocolError) as caught:
        stream.send_command(b"x")
    assert caught.value.errno == 2027
    with pytest.raises(ProtocolError, match=r"\(number 1, expected 0\)") as caught:
        stream.receive()
    assert caught.value.errno == 2027


def test_a_time_out_is_the_sockets_only_as_long_as_it_holds(pair):
    ours, theirs = pair()
    ours.settimeout(7)
    stream = packet_stream.PacketStream(ours, "db.test", 3306)
    assert ours.gettimeout() is None
    theirs.sendall(packets([b"a"], 0))
    stream.receive(3)
    assert ours.gettimeout() == 3
    theirs.sendall(packets([b"b"], 1))
    stream.receive()
    assert ours.gettimeout() is None
    stream.close()


@pytest.mark.parametrize("first", [250, 252, 253, 254])
def test_a_row_that_begins_with_any_length_is_a_row(stream_and_peer, first):
    """A value of 64 KiB begins with 0xFD; only 0xFE in a short packet, and 0xFF, are no rows."""
    stream, peer = stream_and_peer
    size = {250: 250, 252: 251, 253: 70_000, 254: 200_000}[first]
    payload = row(b"v" * size) if first != 254 else b"\xfe" + size.to_bytes(8, "little") + b"v" * size
    sent = packets([payload, b"\xfe\0\0\x02\0"], 0)
    for begin in range(0, len(sent), 60_000):
        peer.sendall(sent[begin : begin + 60_000])
    assert stream.receive_rows(None) == ([payload], b"\xfe\0\0\x02\0")


@pytest.mark.parametrize("size", [65_531, 65_532, 65_536, 65_537])
def test_a_payload_about_as_large_as_one_read(pair, size):
    ours, theirs = pair()
    stream = packet_stream.PacketStream(ours, "db.test", 3306)
    theirs.sendall(packets([b"a", b"x" * size, b"b"], 0))
    assert [stream.receive() for _ in range(3)] == [b"a", b"x" * size, b"b"]
    stream.close()


# -- attributes ------------------------------------------------------------------------------------------------------------------------


def test_attributes_of_a_function(monkeypatch):
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert attributes.function().keys() == {"_pid"}
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f" * 121)
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/25/[$LATEST]1")
    found = attributes.function()
    assert (found["program_name"], found["lambda_log_stream"]) == ("f" * 120, "2026/11/25/[$LATEST]1")


def test_a_flight_is_sent_only_where_nothing_came_unasked(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([b"first", b"unasked"], 0))
    stream.receive()
    with pytest.raises(ProtocolError, match="sent more than the answers"):
        stream.send_flight([b"a", b"b"])
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(100)


def test_a_flight_that_cant_be_sent_is_a_lost_connection(pair):
    ours, theirs = pair()
    stream = packet_stream.PacketStream(ours, "db.test", 3306)
    ours.shutdown(socket.SHUT_WR)
    with pytest.raises(OperationalError, match="while sending") as caught:
        stream.send_flight([b"a", b"b"])
    assert caught.value.errno == 2055
    theirs.close()
    stream.close()
    with pytest.raises(OperationalError):
        stream.send_flight([b"a"])


def test_the_commands_of_a_flight_are_packets_of_their_own(stream_and_peer):
    stream, peer = stream_and_peer
    stream.send_flight([b"abc", b"de"])
    assert peer.recv(100) == b"\x03\0\0\0abc\x02\0\0\0de"
    peer.sendall(packets([b"x"]) + packets([b"y"]))
    assert stream.receive() == b"x"
    stream.next_answer()
    assert stream.receive() == b"y"
