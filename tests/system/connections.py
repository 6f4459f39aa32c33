"""What several system tests ask a connection."""

from __future__ import annotations

from sqlalchemy import Engine, text


def connection_id(engine: Engine) -> int:
    """Return the id, on the server, of the connection that the engine's pool gives next."""
    with engine.connect() as connection:
        return connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
