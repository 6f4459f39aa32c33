"""Reading and writing the protocol's data types: integers, length-encoded values, strings that end in NUL.

Source: MySQL's protocol documentation, "Protocol Basics, Data Types".
"""

from __future__ import annotations

from typing import Final, NoReturn

from ..errors import ProtocolError, SettingsError
from .error_numbers import MALFORMED_PACKET

_SHOWN: Final = 40
"""Bytes of an unreadable payload that an error shows."""

NULL: Final = 0xFB
"""The first byte of a NULL value in a row, where a length would stand."""


def malformed(what: str, payload: bytes, reason: str) -> ProtocolError:
    """Return the error for a payload that can't be read. `what` names what it should be."""
    shown = payload[:_SHOWN].hex(" ")
    more = f" ... ({len(payload)} bytes)" if len(payload) > _SHOWN else ""
    return ProtocolError(
        f"the server sent {what} that can't be read: {reason}; it begins {shown or 'with nothing'}{more}", MALFORMED_PACKET
    )


class PayloadReader:
    """Reads one payload from its start to its end.

    Every method raises ProtocolError where the payload ends too early, so no read goes past it.
    """

    __slots__ = ("at", "payload", "what")

    def __init__(self, payload: bytes, what: str, at: int = 0) -> None:
        self.payload = payload
        self.what = what
        self.at = at

    def fail(self, reason: str) -> NoReturn:
        """Raise the error for this payload."""
        raise malformed(self.what, self.payload, reason)

    def fixed(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self.at + size
        if end > len(self.payload):
            self.fail(f"{size} bytes at position {self.at} go past its end")
        found = self.payload[self.at : end]
        self.at = end
        return found

    def integer(self, size: int) -> int:
        """Return the unsigned integer in the next `size` bytes."""
        return int.from_bytes(self.fixed(size), "little")

    def length(self) -> int:
        """Return the next length-encoded integer."""
        first = self.integer(1)
        if first < NULL:
            return first
        if first in (NULL, 0xFF):
            self.fail(f"a length begins with the byte {first}")
        return self.integer((2, 3, 8)[first - 0xFC])

    def text(self) -> bytes:
        """Return the next length-encoded string."""
        return self.fixed(self.length())

    def until_nul(self) -> bytes:
        """Return the bytes up to the next NUL, or up to the end where there is none."""
        end = self.payload.find(b"\0", self.at)
        if end < 0:
            end = len(self.payload)
        found = self.payload[self.at : end]
        self.at = min(end + 1, len(self.payload))
        return found

    def rest(self) -> bytes:
        """Return what is left."""
        found = self.payload[self.at :]
        self.at = len(self.payload)
        return found


def ended_by_nul(text: str, what: str) -> bytes:
    """Return a text with the NUL that ends it in a payload.

    Raises SettingsError for one with a NUL in it: the server would read no further, and take another name for this one.
    """
    if "\0" in text:
        raise SettingsError(f"the {what} has a NUL in it: the server would read it up to there only")
    return text.encode() + b"\0"


def encoded_length(number: int) -> bytes:
    """Return a number as a length-encoded integer."""
    if number < NULL:
        return number.to_bytes()
    if number < 1 << 16:
        return b"\xfc" + number.to_bytes(2, "little")
    if number < 1 << 24:
        return b"\xfd" + number.to_bytes(3, "little")
    return b"\xfe" + number.to_bytes(8, "little")
