"""Find the end of a server's answer to a text command, and the status that it ends with."""

from __future__ import annotations

from ..protocol import ERR, MAX_PAYLOAD, OK, Cursor, ProtocolError

IN_TRANSACTION = 0x0001
_MORE_RESULTS = 0x0008
_LOCAL_INFILE = 0xFB
_EOF = 0xFE
_EOF_SIZE = 9
# Bytes of a packet that are read: the type, two length-encoded integers and the status.
_HEAD = 24


class Answer:
    """Reads an answer: an OK or ERR packet, or results with their rows. `payload` is the beginning of its last packet."""

    def __init__(self, deprecate_eof: bool) -> None:
        self.status = 0
        self.failed = False
        self._deprecate_eof = deprecate_eof
        self._held = b""
        self._skip = 0
        self._continues = False
        self._ending = False
        self._expected = "first"
        self._columns = 0

    @property
    def done(self) -> bool:
        return self._ending and not self._skip

    def feed(self, data: bytes) -> None:
        """Read bytes from the server. Raise ProtocolError for a request that the proxy does not support."""
        data, self._held = self._held + data, b""
        position = 0
        while position < len(data) and not self.done:
            if self._skip:
                size = min(self._skip, len(data) - position)
                self._skip -= size
                position += size
                continue
            size = int.from_bytes(data[position : position + 3], "little")
            read = min(size, _HEAD)
            if len(data) - position < 4 + read:
                break
            position += 4 + read
            self._skip = size - read
            if not self._continues:
                self._packet(data[position - read : position], size)
            self._continues = size == MAX_PAYLOAD
        self._held = data[position:]

    def _packet(self, head: bytes, size: int) -> None:
        match self._expected:
            case "first":
                self._first(head)
            case "columns":
                self._columns -= 1
                if not self._columns:
                    self._expected = "rows" if self._deprecate_eof else "end of columns"
            case "end of columns":
                self._expected = "rows"
            case _ if head[0] == ERR:
                self.failed = self._ending = True
            case _ if head[0] == _EOF and size < (MAX_PAYLOAD if self._deprecate_eof else _EOF_SIZE):
                self._end(head, ok=self._deprecate_eof)

    def _first(self, head: bytes) -> None:
        if head[0] == ERR:
            self.failed = self._ending = True
        elif head[0] == OK:
            self._end(head, ok=True)
        elif head[0] == _LOCAL_INFILE:
            raise ProtocolError("the server asks for a file, which the proxy does not offer")
        else:
            self._columns = Cursor(head).lenenc()
            self._expected = "columns"

    def _end(self, head: bytes, *, ok: bool) -> None:
        cursor = Cursor(head, 1)
        if ok:
            cursor.lenenc()
            cursor.lenenc()
        else:
            cursor.take(2)
        self.status = cursor.integer(2)
        self._expected = "first"
        self._ending = not self.status & _MORE_RESULTS
