"""Packets over a socket: framing, sequence, bounds, and what the socket itself shows."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
import threading

import pytest
from fake_server import MAX_PAYLOAD, end, ok, packets, receive, refusal, row
from mysql.connector.errors import OperationalError
from rdspool import ProtocolError, StatementTimeoutError
from rdspool._driver.packets import PacketStream

BIG = os.urandom(1 << 16) * 513
"""More bytes than two packets hold."""


def in_background(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "size", [0, 1, 250, 65535, 65536, MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD, 2 * MAX_PAYLOAD + 7]
)
def test_a_payload_arrives_as_it_was_sent(stream_and_peer, size):
    stream, peer = stream_and_peer
    payload = BIG[:size]
    sending = in_background(peer.sendall, packets([payload, b"next"], first=0))
    assert stream.receive() == payload
    assert stream.receive() == b"next"
    sending.join()


@pytest.mark.parametrize("size", [0, 1, 65536, MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD, 2 * MAX_PAYLOAD + 7])
def test_a_command_is_sent_as_the_protocol_wants_it(stream_and_peer, size):
    stream, peer = stream_and_peer
    payload = BIG[:size]
    sending = in_background(stream.send_command, payload)
    expected = packets([payload], first=0)
    found = bytearray()
    while len(found) < len(expected):
        found += peer.recv(1 << 20)
    sending.join()
    assert bytes(found) == expected


def test_the_sequence_goes_on_over_several_packets_in_both_directions(stream_and_peer):
    stream, peer = stream_and_peer
    sending = in_background(stream.send_command, BIG[: 2 * MAX_PAYLOAD + 1])
    assert receive(peer) == BIG[: 2 * MAX_PAYLOAD + 1]
    sending.join()
    peer.sendall(packets([b"answer"], first=3))
    assert stream.receive() == b"answer"
    stream.send(b"more")
    assert peer.recv(100) == packets([b"more"], first=4)


def test_the_sequence_wraps_at_256(stream_and_peer):
    stream, peer = stream_and_peer
    payloads = [b"%d" % number for number in range(600)]
    peer.sendall(packets(payloads, first=0))
    assert [stream.receive() for _ in payloads] == payloads
    stream.send(b"x")
    assert peer.recv(100) == packets([b"x"], first=600)
    peer.sendall(packets([b"y"] * 166, first=601))  # up to the number 254
    for _ in range(166):
        stream.receive()
    for number in (255, 256, 257):
        stream.send(b"z")
        assert peer.recv(100) == packets([b"z"], first=number)


def test_a_command_begins_a_new_sequence(stream_and_peer):
    stream, peer = stream_and_peer
    for _ in range(3):
        stream.send_command(b"\x0e")
        assert peer.recv(100) == b"\x01\0\0\0\x0e"
        peer.sendall(packets([b"fine"]))
        assert stream.receive() == b"fine"


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in parts"])
@pytest.mark.parametrize("number", [0, 2, 255])
def test_a_packet_out_of_its_sequence_is_refused(stream_and_peer, number, whole):
    stream, peer = stream_and_peer
    stream.send_command(b"\x0e")
    if whole:
        peer.sendall(packets([b"first"]) + packets([b"x"], first=number + 1))
        assert stream.receive() == b"first"
    else:
        peer.sendall(packets([b"x"], first=number))
    with pytest.raises(ProtocolError, match=rf"db\.test:3306 .*number {number + whole & 0xFF}, expected {1 + whole}\)"):
        stream.receive()


def test_a_row_out_of_its_sequence_is_refused(stream_and_peer):
    stream, peer = stream_and_peer
    stream.send_command(b"\x03SELECT 1")
    peer.sendall(packets([b"start", row(b"1")]) + packets([row(b"2")], first=4))
    assert stream.receive() == b"start"
    with pytest.raises(ProtocolError, match="number 4, expected 3"):
        stream.receive_rows(None)


def test_bytes_that_arrive_one_by_one_are_read(stream_and_peer):
    stream, peer = stream_and_peer
    sent = packets([b"start", *(row(b"%d" % number) for number in range(50)), end()], first=0)

    def send():
        for position in range(len(sent)):
            peer.sendall(sent[position : position + 1])

    sending = in_background(send)
    assert stream.receive() == b"start"
    found, last = stream.receive_rows(None)
    sending.join()
    assert found == [row(b"%d" % number) for number in range(50)]
    assert last == end()


def test_bytes_that_arrive_in_any_pieces_are_read(pair):
    """Each cut of a stream of packets gives the same payloads."""
    generator = random.Random(26)
    payloads = [b"x" * generator.choice([0, 1, 3, 4, 5, 200, 70000]) for _ in range(60)]
    sent = packets(payloads, first=0)
    for _ in range(10):
        ours, theirs = pair()
        stream = PacketStream(ours, "db.test", 3306)

        def send(theirs=theirs):
            at = 0
            while at < len(sent):
                size = generator.choice([1, 2, 3, 4, 5, 17, 65535, 65536, 65540])
                theirs.sendall(sent[at : at + size])
                at += size

        sending = in_background(send)
        assert [stream.receive() for _ in payloads] == payloads
        sending.join()


# -- rows ----------------------------------------------------------------------------------------------------------------------


def test_rows_up_to_their_end(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([row(b"a"), row(None), row(b""), end(), b"next"], first=0))
    assert stream.receive_rows(None) == ([row(b"a"), row(None), row(b"")], end())
    assert stream.receive() == b"next"


def test_rows_as_many_as_asked_for(stream_and_peer):
    stream, peer = stream_and_peer
    rows = [row(b"%d" % number) for number in range(300)]
    peer.sendall(packets([*rows, end()], first=0))
    assert stream.receive_rows(0) == ([], None)
    assert stream.receive_rows(1) == (rows[:1], None)
    assert stream.receive_rows(2) == (rows[1:3], None)
    assert stream.receive_rows(297) == (rows[3:], None)
    assert stream.receive_rows(1) == ([], end())


@pytest.mark.parametrize("most", [None, 5], ids=["all", "some"])
def test_an_error_ends_rows(stream_and_peer, most):
    stream, peer = stream_and_peer
    peer.sendall(packets([row(b"a"), refusal(1317, "interrupted")], first=0))
    assert stream.receive_rows(most) == ([row(b"a")], refusal(1317, "interrupted"))


@pytest.mark.parametrize("size", [MAX_PAYLOAD - 9, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD - 9])
def test_a_row_whose_first_value_has_16_mib_is_no_end(stream_and_peer, size):
    """Its first byte is that of an EOF packet, 0xFE; at some sizes a packet without any bytes follows."""
    stream, peer = stream_and_peer
    large = b"\xfe" + size.to_bytes(8, "little") + BIG[:size]
    sending = in_background(peer.sendall, packets([row(b"a"), large, row(b"b"), end()], first=0))
    found, last = stream.receive_rows(None)
    sending.join()
    assert found == [row(b"a"), large, row(b"b")]
    assert last == end()


def test_a_short_payload_that_begins_as_an_end_is_the_end(stream_and_peer):
    """0xFE and nine bytes or more is a row; with less it is the end, and what it says is for the reader of the end to judge."""
    stream, peer = stream_and_peer
    peer.sendall(packets([b"\xfe" + b"x" * 8, b"\xfe" + b"x" * 7], first=0))
    assert stream.receive_rows(None) == ([b"\xfe" + b"x" * 8], b"\xfe" + b"x" * 7)


def test_a_row_without_bytes_is_a_row(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([b"", row(b"a"), end()], first=0))
    assert stream.receive_rows(None) == ([b"", row(b"a")], end())


# -- bounds --------------------------------------------------------------------------------------------------------------------


def test_an_answer_as_large_as_allowed_is_taken_and_a_larger_one_is_not(stream_and_peer):
    stream, peer = stream_and_peer
    stream.max_allowed_packet = 1000
    peer.sendall(packets([b"x" * 1000], first=0) + b"\xe9\x03\x00\x01")  # the header of 1,001 bytes, which need not come
    assert stream.receive() == b"x" * 1000
    with pytest.raises(ProtocolError, match=r"more than 1,000 bytes in one row \(max_allowed_packet\)"):
        stream.receive()


def test_an_answer_that_becomes_too_large_in_its_second_packet(stream_and_peer):
    stream, peer = stream_and_peer
    stream.max_allowed_packet = MAX_PAYLOAD + 5
    sending = in_background(peer.sendall, packets([BIG[: MAX_PAYLOAD + 6]], first=0))
    with pytest.raises(ProtocolError, match="max_allowed_packet"):
        stream.receive()
    stream.close()
    peer.close()
    sending.join()


def test_a_row_that_is_too_large_is_refused(stream_and_peer):
    stream, peer = stream_and_peer
    stream.max_allowed_packet = 100_000

    def send():
        with contextlib.suppress(BrokenPipeError):  # the refusal comes before all is sent
            peer.sendall(packets([row(b"a"), row(b"x" * 100_001)], first=0))

    sending = in_background(send)
    with pytest.raises(ProtocolError, match="max_allowed_packet"):
        stream.receive_rows(None)
    stream.close()
    sending.join()


# -- the socket ----------------------------------------------------------------------------------------------------------------


def test_unrequested_bytes_stop_the_next_command(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([b"answer", b"surplus"], first=0))
    assert stream.receive() == b"answer"
    with pytest.raises(ProtocolError, match="sent more than the answers"):
        stream.send_command(b"\x0e")
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_unrequested_bytes_in_the_socket_stop_the_next_command(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(b"\xff")
    with pytest.raises(ProtocolError, match="sent more than the answers"):
        stream.send_command(b"\x0e")


def test_a_server_that_took_its_leave_is_heard_by_the_next_command(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([refusal(4031, "The client was disconnected by the server", "HY000")], first=0))
    peer.close()
    with pytest.raises(OperationalError, match="disconnected by the server") as caught:
        stream.send_command(b"\x0e")
    assert caught.value.errno == 4031


@pytest.mark.parametrize(
    "came",
    [
        packets([refusal(4031)], first=1),
        packets([refusal(1064)], first=0),
        packets([refusal(4031), ok()], first=0),
        packets([refusal(4031)], first=0)[:-1],
        packets([b"\xff\xbf\x0f#HY"], first=0),
        packets([b""], first=0),
    ],
    ids=["an answer", "a refusal", "more than it", "cut", "unreadable", "empty"],
)
def test_what_is_no_leave_stops_the_next_command(stream_and_peer, came):
    stream, peer = stream_and_peer
    peer.sendall(came)
    with pytest.raises(ProtocolError, match="sent more than the answers"):
        stream.send_command(b"\x0e")


def test_a_peer_that_closed_stops_the_next_command(stream_and_peer):
    stream, peer = stream_and_peer
    peer.close()
    with pytest.raises(OperationalError, match="closed the connection before the statement was sent") as caught:
        stream.send_command(b"\x0e")
    assert caught.value.errno == 2013


def test_at_end_sees_the_peers_end_without_a_wait(stream_and_peer):
    stream, peer = stream_and_peer
    assert not stream.at_end()
    assert stream.socket.gettimeout() is None
    peer.sendall(packets([b"x"], first=0))
    assert stream.at_end()
    assert stream.socket.gettimeout() is None
    assert stream.receive() == b"x"
    assert not stream.at_end()
    peer.close()
    assert stream.at_end()
    stream.close()
    assert stream.at_end()


@pytest.mark.parametrize("sent", [b"", b"\x05", b"\x05\0\0", b"\x05\0\0\0", b"\x05\0\0\0abcd"])
def test_a_peer_that_closes_in_the_middle_of_a_packet(stream_and_peer, sent):
    stream, peer = stream_and_peer
    peer.sendall(sent)
    peer.close()
    with pytest.raises(OperationalError, match=r"Lost connection to MySQL server at db\.test:3306: it closed") as caught:
        stream.receive()
    assert caught.value.errno == 2013


def test_a_peer_that_closes_in_the_middle_of_rows(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([row(b"a"), row(b"b")], first=0)[:-1])
    peer.close()
    with pytest.raises(OperationalError, match="it closed"):
        stream.receive_rows(None)


def test_a_read_from_a_silent_peer_times_out(stream_and_peer):
    stream, peer = stream_and_peer
    with pytest.raises(StatementTimeoutError, match=r"did not answer within 0\.01 s") as caught:
        stream.receive(0.01)
    assert caught.value.errno == 3024
    peer.sendall(b"\x05\0\0\0ab")
    with pytest.raises(StatementTimeoutError, match=r"within 0\.03 s"):
        stream.receive_rows(None, 0.03)


def test_a_write_to_a_peer_that_reads_nothing_times_out(stream_and_peer):
    stream, _ = stream_and_peer
    with pytest.raises(StatementTimeoutError, match=r"did not take the statement within 0\.01 s"):
        stream.send(BIG, 0.01)


def test_a_peer_that_closes_while_a_command_is_sent(stream_and_peer):
    stream, peer = stream_and_peer
    thread = in_background(lambda: (peer.recv(1000), peer.close()))
    with pytest.raises(OperationalError, match="while sending") as caught:
        stream.send(BIG)
    thread.join()
    assert caught.value.errno == 2055


def test_a_reset_connection_while_an_answer_is_read():
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    stream = PacketStream(ours, "db.test", 3306)
    stream.send_command(b"\x0e")
    theirs.close()  # with bytes unread: the kernel sends a reset
    with pytest.raises(OperationalError, match=r"Lost connection .* while reading: .*reset") as caught:
        stream.receive()
    assert caught.value.errno == 2055
    stream.close()
    listener.close()


class UnderADeadNetwork(socket.socket):
    """Gives what the kernel does after keepalive's probes, or TCP_USER_TIMEOUT, went without an answer: ETIMEDOUT."""

    def recv(self, *_):
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    send = recv


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_a_network_that_the_kernel_found_dead_is_a_lost_connection(pair, timeout):
    """This holds where rdspool has set no time-out, too."""
    ours, _ = pair()
    with UnderADeadNetwork(fileno=os.dup(ours.fileno())) as dead:
        stream = PacketStream(dead, "db.test", 3306)
        with pytest.raises(OperationalError, match=r"Lost connection .* while reading: .*timed out") as caught:
            stream.receive(timeout)
        assert caught.value.errno == 2055
        assert not isinstance(caught.value, StatementTimeoutError)
        with pytest.raises(OperationalError, match=r"Lost connection .* while sending: .*timed out") as caught:
            stream.send_command(b"\x0e", timeout)
        assert caught.value.errno == 2055


def test_each_use_of_a_closed_stream_is_error_2006(stream_and_peer):
    stream, peer = stream_and_peer
    assert repr(stream) == "<PacketStream db.test:3306 open>"
    stream.close()
    stream.close()
    assert repr(stream) == "<PacketStream db.test:3306 closed>"
    assert peer.recv(1) == b""
    for use in (lambda: stream.send_command(b"x"), stream.receive, lambda: stream.send(b"x"), lambda: stream.receive_rows(None)):
        with pytest.raises(OperationalError, match="MySQL Connection not available") as caught:
            use()
        assert caught.value.errno == 2006


def test_a_forgotten_stream_closes_its_socket(pair):
    ours, theirs = pair()
    PacketStream(ours, "db.test", 3306)
    assert theirs.recv(1) == b""


def test_close_does_not_end_the_connection_of_another_process(stream_and_peer):
    """A child of a fork has a copy of the descriptor: what it closes stays open in its parent."""
    stream, peer = stream_and_peer
    copy = stream.socket.dup()
    stream.close()
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)
    copy.close()


@pytest.mark.parametrize(("said", "number"), [([refusal(1153, "too big", "08S01")], 1153), ([ok()], 2055), ([b""], 2055), ([], 2055)])
def test_the_last_error_of_a_peer_that_closes_during_a_send_is_raised(stream_and_peer, said, number):
    stream, peer = stream_and_peer
    peer.sendall(packets(said, first=7))
    peer.close()
    with pytest.raises(OperationalError) as caught:
        stream.send(b"x" * 5_000_000)
    assert caught.value.errno == number
    assert isinstance(caught.value.__cause__, OSError)
