"""The keyword arguments of get_engine(), for type checkers and completion. Nothing imports this at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from .secret import Secret

IsolationLevel = Literal["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"]


class EngineOptions(TypedDict, total=False):
    """What get_engine() takes by keyword: the settings, then SQLAlchemy's own options. None is as if it was not given."""

    url: str | None
    host: str | None
    port: int | None
    user: str | None
    database: str | None
    endpoint: str | None
    password: str | Secret | None
    secret: str | None
    password_parameter: str | None
    region: str | None
    ca: str | None
    development: bool | None
    pool_recycle: int | None
    wait_timeout: int | None
    isolation_level: IsolationLevel | None
    connect_timeout: float | None
    deadline_margin_ms: int | None
    connect: Literal["use", "init"] | None
    max_allowed_packet: int | None
    connections: Literal["automatic", "keep", "yield"] | None
    role: Literal["writer"] | None
    reset_session: bool | None
    shutdown: bool | None
    multi_statements: bool | None

    echo: bool | Literal["debug"] | None
    echo_pool: bool | Literal["debug"] | None
    enable_from_linting: bool
    execution_options: Mapping[str, Any]
    hide_parameters: bool
    insertmanyvalues_page_size: int
    json_deserializer: Callable[..., Any]
    json_serializer: Callable[..., Any]
    label_length: int | None
    logging_name: str
    max_overflow: int
    plugins: list[str]
    pool_logging_name: str
    pool_reset_on_return: Literal["rollback", "commit"] | bool | None
    pool_size: int
    pool_timeout: float
    pool_use_lifo: bool
    query_cache_size: int
    skip_autocommit_rollback: bool
    use_insertmanyvalues: bool
