"""The relay between a signed-in client and the backend. It records commands, applies faults, and adds delay."""

from __future__ import annotations

import select
import time
from collections import deque
from contextlib import suppress

from .commands import UNANSWERED, CommandReader, Segment
from .faults import Close, CutAnswer, Delay, Do, Error, Faults, LoseAnswer, Silence
from .orders import Hangup, Orders
from .orders import Silence as SilenceOrder
from .protocol import error, framed
from .records import Record
from .wire import Wire


class Relay:
    """Passes bytes in both directions until one side ends. It raises Orders.

    Answers are not parsed: the first bytes from the backend after a command are the beginning of its answer. A fault waits for the
    answers to earlier commands, which count as complete after their first bytes. This is right for a ROLLBACK or a PING. If a client
    pipelines a command with a larger answer before the fault, the fault can come too early.
    """

    def __init__(self, client: Wire, backend: Wire, record: Record, orders: Orders, faults: Faults, *, query_attributes: bool) -> None:
        self._client = client
        self._backend = backend
        self._record = record
        self._orders = orders
        self._faults = faults
        self._reader = CommandReader(query_attributes)
        self._unanswered = False
        self._answer_fault: Delay | LoseAnswer | CutAnswer | None = None
        self._replacement: Error | None = None
        # Delayed answers: the time when they are due, and their bytes. Empty bytes are the end of the backend's stream.
        self._due: deque[tuple[float, bytes]] = deque()

    def run(self, left: bytes) -> None:
        """Relay until one side ends. `left` are bytes that the client sent right after its sign-in. Raise an Order for a fault."""
        poller = select.poll()
        for one in (self._client, self._backend, self._orders):
            poller.register(one, select.POLLIN)
        client, backend, orders = self._client.fileno(), self._backend.fileno(), self._orders.fileno()
        if left:
            self._from_client(left)
        while True:
            ready = {fd for fd, _ in poller.poll(self._patience())}
            if orders in ready:
                self._orders.obey()
            # The backend first, because its answer belongs to a command before those that the client has sent now.
            if backend in ready and (data := self._backend.take()) is not None:
                self._from_backend(data)
                if not data:
                    # A socket stays readable at its end, so the loop would spin while a delay holds the last bytes.
                    poller.unregister(backend)
            if self._due and not self._send_due():
                self._record.end("server")
                return
            if client in ready and (data := self._client.take()) is not None:
                if data:
                    self._from_client(data)
                if not data or self._client.ended:
                    self._record.end("client")
                    return

    def _patience(self) -> int | None:
        """Return the milliseconds until the next delayed answer is due, or None if there is none."""
        if not self._due:
            return None
        # Rounded down; _send_due waits for the rest. poll() would round up, which adds up to a millisecond.
        return max(0, int((self._due[0][0] - time.monotonic()) * 1000))

    def _send_due(self) -> bool:
        """Send the answers that are due. Return False at the end of the backend's stream."""
        while self._due:
            left = self._due[0][0] - time.monotonic()
            if left >= 0.001:
                break
            if left > 0:
                time.sleep(left)
            data = self._due.popleft()[1]
            if not data:
                return False
            self._client.send(data)
        return True

    def _from_backend(self, data: bytes) -> None:
        delay = self._faults.delay
        if data and self._unanswered:
            self._unanswered = False
            self._reader.answered = True
            fault, self._answer_fault = self._answer_fault, None
            match fault:
                case Delay():
                    delay += fault.seconds
                case LoseAnswer():
                    raise Hangup(fault.reset)
                case CutAnswer():
                    self._client.send(data[: max(1, len(data) // 2)])
                    raise Hangup(fault.reset)
        if self._due or delay or not data:
            earliest = self._due[-1][0] if self._due else 0.0
            self._due.append((max(earliest, time.monotonic() + delay), data))
        else:
            self._client.send(data)

    def _from_client(self, data: bytes) -> None:
        for segment in self._reader.feed(data):
            if segment.command is not None:
                self._record.command(segment.command)
                do = self._faults.at_command(self._record.values["id"], segment.command)
                if do is not None:
                    self._wait_for_earlier_answers()
                    self._start_fault(do)
                if segment.command == "QUIT":
                    self._record.end("client")
                if not segment.command.startswith(UNANSWERED):
                    self._unanswered = True
            if self._replacement is None:
                self._pass_on(segment.data)
            elif segment.ends:
                self._replace(self._replacement, segment)

    def _pass_on(self, data: bytes) -> None:
        # If the backend has closed, its last bytes and its end are still to be read and passed on.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._backend.send(data)

    def _start_fault(self, do: Do) -> None:
        match do:
            case Close():
                raise Hangup(do.reset)
            case Silence():
                raise SilenceOrder
            case Error():
                self._replacement = do
            case Delay() | LoseAnswer() | CutAnswer():
                self._answer_fault = do

    def _replace(self, do: Error, segment: Segment) -> None:
        self._replacement = None
        self._unanswered = False
        self._reader.answered = True
        if self._faults.delay:
            self._orders.sleep(self._faults.delay)
        self._client.send(framed(error(*do.parts()), segment.sequence + 1))
        if do.close:
            raise Hangup

    def _wait_for_earlier_answers(self) -> None:
        if self._unanswered:
            self._from_backend(self._backend.receive())
        while self._due:
            self._orders.sleep(max(0.0, self._due[0][0] - time.monotonic()))
            if not self._send_due():
                raise Hangup
