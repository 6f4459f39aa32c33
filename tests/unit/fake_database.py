"""A server on the loopback, with TLS and sign-in, that answers SQLAlchemy's questions and keeps a session's autocommit and transaction."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

from fake_server import (
    AUTOCOMMIT,
    IN_TRANSACTION,
    QUERY,
    QUIT,
    RESET_CONNECTION,
    Answer,
    column,
    ended_by_ok,
    ok,
    packets,
    receive,
    result,
    row,
)
from fake_sign_in import READ, Listener, greeting

CONNECTIONS = 20
"""Connections that are taken."""


class Database:
    """Answers each command; `answers` goes before what it knows itself."""

    def __init__(self, context, version="8.4.3"):
        self.sessions: list[list[bytes]] = []
        """The commands of each connection, in the order of the connections."""
        self._channels: list[socket.socket] = []
        self._ended: list[threading.Event] = []
        self.answers: dict[str, Answer] = {}
        """By statement: bytes, payloads, or a function that takes the socket."""
        self.values = {
            "VERSION()": version,
            "DATABASE()": "shop",
            "@@transaction_isolation": "REPEATABLE-READ",
            "@@tx_isolation": "REPEATABLE-READ",
            "@@sql_mode": "STRICT_TRANS_TABLES",
            "@@session.sql_mode": "STRICT_TRANS_TABLES",
            "@@lower_case_table_names": "0",
        }
        self._listener = Listener(context, [(READ, ok(status=AUTOCOMMIT), self._serve)] * CONNECTIONS, greets=greeting(version=version))
        self.port = self._listener.port

    def statements(self, session=0):
        """The statements of a connection."""
        return [command[1:].decode() for command in self.sessions[session] if command[:1] == QUERY]

    def last_command(self, session=0):
        """The last command of a connection that the client has closed, or will; b"" where it had none."""
        self._ended[session].wait()
        return (self.sessions[session] or [b""])[-1]

    def forget(self):
        """Forget the commands so far."""
        for commands in self.sessions:
            commands.clear()

    @staticmethod
    def send(channel, payloads):
        """Send the payloads of an answer, for a function among the answers."""
        channel.sendall(packets(ended_by_ok(payloads)))

    def close(self):
        """Close it, and all connections."""
        for channel in self._channels:
            with contextlib.suppress(OSError):  # it is closed already
                channel.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, channel: socket.socket) -> None:
        self._ended.append(threading.Event())
        try:
            self._answer_all(channel)
        finally:
            self._ended[self._channels.index(channel)].set()

    def _answer_all(self, channel: socket.socket) -> None:
        commands: list[bytes] = []
        self.sessions.append(commands)
        self._channels.append(channel)
        status, values = AUTOCOMMIT, self.values.copy()
        while (command := receive(channel)) is not None:
            commands.append(command)
            if command == QUIT:
                return
            if command == RESET_CONNECTION:
                status, values = AUTOCOMMIT, self.values.copy()
            statement = command[1:].decode("utf-8", "replace")
            if found := re.search(r"@@session\.t\w+_isolation = '([\w-]+)'", statement):
                values |= {"@@transaction_isolation": found[1], "@@tx_isolation": found[1]}
            if found := re.search(r"@@session\.autocommit = ([01])", statement):
                status = status & ~AUTOCOMMIT | (AUTOCOMMIT if found[1] == "1" else 0)
            elif statement in ("COMMIT", "ROLLBACK"):
                status &= ~IN_TRANSACTION
            elif command[:1] == QUERY and not self._touches_no_table(statement) and not status & AUTOCOMMIT:
                status |= IN_TRANSACTION
            answer = self.answers.get(statement) or self._answer(statement, status, values)
            if callable(answer):
                answer(channel)
                continue
            with contextlib.suppress(OSError):
                channel.sendall(answer if isinstance(answer, bytes) else packets(ended_by_ok(answer)))

    def _touches_no_table(self, statement):
        asked = statement.removeprefix("SELECT ").split(", ")
        return statement.startswith("SET ") or self.values.keys() >= set(asked)

    def _answer(self, statement, status, values):
        asked = statement.removeprefix("SELECT ").split(", ")
        if values.keys() >= set(asked):
            shown = [row(*(values[expression].encode() for expression in asked))]
            return result([column(expression) for expression in asked], shown, status=status)
        if statement.startswith("SELECT"):
            return result([column("v")], [row(b"1")], status=status)
        return [ok(status=status)]
