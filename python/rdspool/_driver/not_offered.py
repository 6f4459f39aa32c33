"""What mysql-connector-python's connections and cursors have and rdspool's do not: the error says what to use."""

from __future__ import annotations

from typing import Any, Final

CONNECTION: Final = {
    "cmd_change_user": "make another connection for another user",
    "cmd_query": "use cursor().execute()",
    "cmd_reset_connection": "use reset()",
    "config": "give the options when the connection is made",
    "connect": "make another connection: the pool does",
    "database": 'use SELECT DATABASE(), or execute("USE ...")',
    "get_warnings": "execute SHOW WARNINGS; cursor.warning_count tells whether there are some",
    "raise_on_warnings": "set sql_mode to a strict one",
    "reconnect": "make another connection: the pool does, with a token that is valid",
    "reset_session": "use reset()",
    "set_charset_collation": "give collation= when the connection is made",
    "sql_mode": "execute SET SESSION sql_mode = ..., or give sql_mode= when the connection is made",
    "start_transaction": "each statement begins one where autocommit is off; or execute START TRANSACTION",
    "time_zone": "execute SET SESSION time_zone = ..., or give time_zone= when the connection is made",
}
CURSOR: Final = {
    "add_attribute": "a statement's attributes can be written into it as a comment",
    "fetchwarnings": "execute SHOW WARNINGS; warning_count tells whether there are some",
    "stored_results": "use fetchall() for the first result of a procedure, nextset() and fetchall() for the others",
}


def missing(owner: Any, what: str, name: str, advice: dict[str, str]) -> AttributeError:
    """Return the error for an attribute that `owner` (a connection or a cursor, as `what` says) has not."""
    text = f"rdspool's {what} has no {name!r}"
    return AttributeError(f"{text}: {advice[name]}" if name in advice else text, name=name, obj=owner)
