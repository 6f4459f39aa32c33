"""The options, the initialisation and the administrators of MySQL."""

from __future__ import annotations

from pathlib import Path

BINARY = "usr/sbin/mysqld"

# Only settings that no client can see: durability and sizes. sql_mode, character sets, isolation and limits keep their defaults.
QUICK = [
    "--mysqlx=OFF",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-redo-log-capacity=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
    "--innodb-use-native-aio=OFF",
    # Without it, the server logs a warning about its files.
    "--secure-file-priv=NULL",
]


def places(root: Path) -> list[str]:
    """Return the options with the paths of the server's files."""
    return [
        f"--basedir={root / 'usr'}",
        f"--lc-messages-dir={root / 'usr/share/mysql'}",
        f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
        f"--character-sets-dir={root / 'usr/share/mysql/charsets'}",
    ]


def initialise(_root: Path) -> tuple[list[str], bytes]:
    """Return the options and the stdin of the run that creates a data directory."""
    return [
        "--initialize-insecure",
        "--secure-file-priv=NULL",
        "--innodb-redo-log-capacity=8M",
        "--innodb-flush-method=nosync",
        "--skip-log-bin",
    ], b""


def administrators(password: str) -> list[str]:
    """Return the statements, one per line, that run before the server listens."""
    return [
        f"ALTER USER root@localhost IDENTIFIED BY '{password}';",
        f"CREATE USER root@'127.0.0.1' IDENTIFIED BY '{password}';",
        "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;",
        "GRANT PROXY ON ``@`` TO root@'127.0.0.1' WITH GRANT OPTION;",
    ]
