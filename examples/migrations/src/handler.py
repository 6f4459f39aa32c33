"""Bring the database to the newest migration, with Alembic. A deployment invokes it before the functions that need the new tables."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from rdspool import get_engine
from sqlalchemy import Connection, text

engine = get_engine()
config = Config()
config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))


def revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    with engine.begin() as connection:
        # The lock is the session's, so the commits of DDL keep it. rdspool releases it when the connection returns to the pool.
        if not connection.execute(text("SELECT GET_LOCK('migrations', 0)")).scalar():
            raise RuntimeError("another invocation migrates this database")
        before = revision(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, event.get("revision", "head"))
        return {"from": before, "to": revision(connection)}
