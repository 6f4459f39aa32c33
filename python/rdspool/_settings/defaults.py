"""What settings are when nobody sets them, and what they may be."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "RDSPOOL_"

PROCESS_WIDE: Final = {"ROWS": ("c", "python"), "IMPORTS": ("plain",)}
"""Variables, without the prefix, that are no settings of an engine: they hold for the process, from its imports on. And their values."""

PORT: Final = 3306
POOL_RECYCLE: Final = 300
"""Seconds. Long enough for a busy environment to reconnect rarely, short enough that load moves over after a failover or a scale-out."""
DEADLINE_MARGIN_MS: Final = 500
"""Milliseconds: the handler answers in them, and a statement that was given up is ended on the server."""
WAIT_TIMEOUT_MARGIN: Final = 30
"""Seconds by which the server's idle limit outlasts `pool_recycle`, when only one of the two is set."""
MAXIMUM_WAIT_TIMEOUT: Final = 31_536_000
"""Seconds: the server's own maximum (MySQL Reference Manual, system variable wait_timeout)."""

CONNECT_TIMES: Final = ("use", "init")
"""When the first connection is opened: at its first use, or by get_engine() in a thread beside the function's other imports."""

CONNECTIONS: Final = ("automatic", "keep", "yield")
"""Keep idle connections over the end of an invocation, yield them, or yield them while the server is near its limit."""

LOG_LEVELS: Final = ("debug", "info")
"""The level of the line of the log for each new connection."""

METRICS: Final = ("off", "emf")
"""Whether metrics are written, and in which format: CloudWatch's Embedded Metric Format."""

ROLES: Final = ("writer",)
"""What a server has to be: one that takes writes. A reader needs no check, for a cluster's reader endpoint may lead to its writer."""

ISOLATION_LEVELS: Final = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT")

BEFORE_OPTIONS: Final = frozenset({"url", "host", "port", "user", "database", "password"})
"""What stands in a URL before its options, or is the URL itself: none of them may be among its options."""

IDENTITY: Final = BEFORE_OPTIONS | {"development", "endpoint", "password_parameter", "secret"}
"""What names the database and who signs in: a named engine never takes these from the unnamed one's variables."""

OF_A_FUNCTION: Final = ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_EXECUTION_ENV")
"""Variables that Lambda sets; AWS's other places that run code, such as ECS, set the last one."""

NEVER_SECRET: Final = frozenset(
    {
        "ca",
        "connect",
        "connect_timeout",
        "connections",
        "deadline_margin_ms",
        "development",
        "driver",
        "isolation_level",
        "log_connects",
        "max_allowed_packet",
        "metrics",
        "multi_statements",
        "pool_recycle",
        "port",
        "region",
        "reset_session",
        "role",
        "shutdown",
        "wait_timeout",
    }
)
"""Arguments that hold no password. In the others one can stand by mistake: a URL in the place of the host's name, say."""

ENGINE_OPTIONS: Final = frozenset(
    {
        "echo",
        "echo_pool",
        "enable_from_linting",
        "execution_options",
        "hide_parameters",
        "insertmanyvalues_page_size",
        "json_deserializer",
        "json_serializer",
        "label_length",
        "logging_name",
        "max_overflow",
        "plugins",
        "pool_logging_name",
        "pool_reset_on_return",
        "pool_size",
        "pool_timeout",
        "pool_use_lifo",
        "query_cache_size",
        "skip_autocommit_rollback",
        "use_insertmanyvalues",
    }
)
"""Arguments of SQLAlchemy's create_engine() that get_engine() passes on."""

OTHER_OPTIONS: Final = frozenset(
    {
        "compiler_linting",
        "convert_unicode",
        "dbapi",
        "deadline_margin",
        "dialect",
        "engine_name",
        "future",
        "implicit_returning",
        "is_mariadb",
        "max_identifier_length",
        "module",
        "paramstyle",
        "pool",
        "pool_events",
        "server_side_cursors",
        "supports_native_boolean",
    }
)
"""Arguments of SQLAlchemy's create_engine() that get_engine() has not."""
