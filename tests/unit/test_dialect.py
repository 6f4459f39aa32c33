"""The dialects, without a server: how they write SQL for each kind of server."""

from __future__ import annotations

import pytest
from rdspool.dialect import MariaDBRdspoolDialect, RdspoolDialect
from sqlalchemy import Column, Integer, MetaData, Table, select

MYSQL, MARIADB = "8.4.3", "10.11.6-MariaDB"
table = Table("per % cent", MetaData(), Column("id", Integer), Column("lead", Integer), Column("offset", Integer))


@pytest.mark.parametrize(("dialect", "version"), [(RdspoolDialect, MYSQL), (RdspoolDialect, MARIADB), (MariaDBRdspoolDialect, MARIADB)])
def test_a_percent_sign_in_a_name_is_written_once_and_the_servers_own_words_are_quoted(dialect, version):
    """SQLAlchemy 2.0 changes the dialect's preparer once it knows that the server is a MariaDB."""
    known = dialect()
    known._parse_server_version(version)
    sql = str(select(table).compile(dialect=known))
    assert "FROM `per % cent`" in sql
    # Reserved in one of the two only.
    assert ("`lead`" in sql, "`offset`" in sql) == ((True, False) if version == MYSQL else (False, True))
