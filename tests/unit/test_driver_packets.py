"""Packets over a socket: framing, sequence, bounds, and what the socket itself shows."""

from __future__ import annotations

import pytest
from fake_server import end, packets, row
from rdspool import ProtocolError


def test_a_row_out_of_its_sequence_is_refused(stream_and_peer):
    stream, peer = stream_and_peer
    stream.send_command(b"\x03SELECT 1")
    peer.sendall(packets([b"start", row(b"1")]) + packets([row(b"2")], first=4))
    assert stream.receive() == b"start"
    with pytest.raises(ProtocolError, match="number 4, expected 3"):
        stream.receive_rows(None)


def test_rows_up_to_their_end(stream_and_peer):
    stream, peer = stream_and_peer
    peer.sendall(packets([row(b"a"), row(None), row(b""), end(), b"next"], first=0))
    assert stream.receive_rows(None) == ([row(b"a"), row(None), row(b"")], end())
    assert stream.receive() == b"next"
