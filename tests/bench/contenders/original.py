"""The common recipe: boto3 signs the token, a creator connects, and SQLAlchemy recycles after 60 seconds."""

from __future__ import annotations

from .contender import Contender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.engine import Engine


class Original(Contender):
    name = "original"
    label = "boto3 recipe"
    how = "create_engine(creator=...) with a token from boto3's rds client and mysql.connector.connect() with its defaults, pool_recycle=60"
    packages = ("SQLAlchemy", "mysql-connector-python", "boto3")

    def load(self) -> None:
        import boto3
        import mysql.connector
        import sqlalchemy

        self.connect = mysql.connector.connect
        self.create_engine = sqlalchemy.create_engine
        self.rds = boto3.client("rds", region_name=self.place["AWS_REGION"])

    def connection(self) -> Any:
        place = self.place
        host, port, user = place["RDSPOOL_HOST"], int(place["RDSPOOL_PORT"]), place["RDSPOOL_USER"]
        return self.connect(
            host=host,
            port=port,
            user=user,
            password=self.rds.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user),
            database=place["RDSPOOL_DATABASE"],
            auth_plugin="mysql_clear_password",
            ssl_ca=place["RDSPOOL_CA"],
            ssl_verify_cert=True,
            ssl_verify_identity=True,
        )

    def engine(self, **options: Any) -> Engine:
        return self.create_engine(
            "mysql+mysqlconnector://", creator=self.connection, pool_size=1, max_overflow=0, pool_recycle=60, **options
        )

    def autocommit_engine(self) -> Engine:
        return self.engine(isolation_level="AUTOCOMMIT")
