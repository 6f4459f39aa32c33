"""The options, the initialisation and the administrators of MariaDB."""

from __future__ import annotations

from pathlib import Path

from ..errors import LocalError

BINARY = "usr/sbin/mariadbd"

# Only settings that no client can see: durability and sizes. sql_mode, character sets, isolation and limits keep their defaults.
QUICK = [
    "--skip-log-bin",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
    "--innodb-use-native-aio=OFF",
]

# In the order of mariadb-install-db, without the texts of HELP.
_SCRIPTS = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mysql_sys_schema.sql",
)


def places(root: Path) -> list[str]:
    """Return the options with the paths of the server's files."""
    return [
        f"--basedir={root / 'usr'}",
        f"--lc-messages-dir={root / 'usr/share/mysql'}",
        f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
        f"--character-sets-dir={root / 'usr/share/mysql/charsets'}",
    ]


def initialise(root: Path) -> tuple[list[str], bytes]:
    """Return the options and the stdin of the run that creates a data directory. Raise LocalError when a script is missing."""
    script = [b"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n"]
    for name in _SCRIPTS:
        file = root / "usr/share/mysql" / name
        if not file.exists():
            raise LocalError(
                f"MariaDB's packages in {root} have no {file.name}, so their layout is unknown. Set RDSLOCAL_MARIADB to an existing server."
            )
        # Lines with the machine's host name would create more administrators without a password.
        script += [line + b"\n" for line in file.read_bytes().split(b"\n") if b"@current_hostname" not in line]
    return ["--bootstrap", "--innodb-log-file-size=8M", "--innodb-flush-method=nosync", "--skip-log-bin"], b"".join(script)


def administrators(password: str) -> list[str]:
    """Return the statements, one per line, that run before the server listens."""
    return [
        "DROP USER IF EXISTS ''@localhost;",
        f"ALTER USER root@localhost IDENTIFIED BY '{password}';",
        f"CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{password}';",
        "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;",
        "DROP USER IF EXISTS root@'::1';",
    ]
