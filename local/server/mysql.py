"""What is MySQL's own: options, initialisation, administrators."""

from __future__ import annotations

from pathlib import Path

BINARY = "usr/sbin/mysqld"

# Only what no client can see: durability and size. sql_mode, character sets, isolation and limits stay the server's own.
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
    # It would only warn that the server's files are in a folder named by no option.
    "--secure-file-priv=NULL",
]


def places(root: Path) -> list[str]:
    """Options that tell the server where its parts are."""
    return [
        f"--basedir={root / 'usr'}",
        f"--lc-messages-dir={root / 'usr/share/mysql'}",
        f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
        f"--character-sets-dir={root / 'usr/share/mysql/charsets'}",
    ]


def initialise(_root: Path) -> tuple[list[str], bytes]:
    """Options and standard input of the run that makes a data directory."""
    return [
        "--initialize-insecure",
        "--secure-file-priv=NULL",
        "--innodb-redo-log-capacity=8M",
        "--innodb-flush-method=nosync",
        "--skip-log-bin",
    ], b""


def administrators(password: str) -> list[str]:
    """Statements, a line each, that run before the server listens."""
    return [
        f"ALTER USER root@localhost IDENTIFIED BY '{password}';",
        f"CREATE USER root@'127.0.0.1' IDENTIFIED BY '{password}';",
        "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;",
        "GRANT PROXY ON ``@`` TO root@'127.0.0.1' WITH GRANT OPTION;",
    ]
