"""The usual recipe: boto3 signs a token for each connection, and SQLAlchemy recycles after 60 seconds."""

from __future__ import annotations

import os
from typing import Any

import boto3
import mysql.connector
from sqlalchemy import create_engine, text

HOST, PORT, USER = os.environ["RDSPOOL_HOST"], int(os.environ["RDSPOOL_PORT"]), os.environ["RDSPOOL_USER"]
rds = boto3.client("rds", region_name=os.environ["AWS_REGION"])


def connect() -> Any:
    """Return a new connection, signed in with a new token."""
    return mysql.connector.connect(
        host=HOST,
        port=PORT,
        user=USER,
        password=rds.generate_db_auth_token(DBHostname=HOST, Port=PORT, DBUsername=USER),
        database=os.environ["RDSPOOL_DATABASE"],
        auth_plugin="mysql_clear_password",
        ssl_ca=os.environ["RDSPOOL_CA"],
        ssl_verify_cert=True,
        ssl_verify_identity=True,
        # The C extension would look the endpoint's name up outside of Python, where only a hosts file of the machine gives it.
        use_pure=True,
    )


engine = create_engine("mysql+mysqlconnector://", creator=connect, pool_recycle=60)


def handler(event: dict[str, Any], _context: Any) -> int:
    """Run a query of `seconds`, and return the number of the connection."""
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT CONNECTION_ID() + SLEEP(:seconds)"), event).scalar_one())
