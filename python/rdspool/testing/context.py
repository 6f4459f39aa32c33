"""The second argument of a handler: its remaining time is a deadline to rdspool too, as in Lambda."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from .. import deadlines

TIMEOUT: Final = 10.0
"""Seconds of an invocation where nobody says otherwise: long enough for an error of rdspool to come before Lambda's."""


class LambdaContext:
    """The context of one invocation, which begins and ends with the block:

        with LambdaContext(timeout=3) as context:
            handler(event, context)

    In the block every wait of rdspool ends before the time is over, with DeadlineError or ConnectTimeoutError. Blocks can't be nested: a
    process has one invocation at a time. Attributes are those of the AWS Lambda Developer Guide, "Using the Lambda context object to
    retrieve Python function information".
    """

    client_context = None
    identity = None
    function_version = "$LATEST"

    def __init__(self, timeout: float = TIMEOUT, *, function_name: str = "function", memory_limit_in_mb: int = 128) -> None:
        """Take the function's timeout in seconds. Raises ValueError where it is not above 0."""
        if not timeout > 0:
            raise ValueError(f"timeout={timeout!r}: give a number of seconds above 0")
        self.timeout = timeout
        self.function_name = function_name
        self.memory_limit_in_mb = str(memory_limit_in_mb)  # as Lambda's runtime client gives it
        self.invoked_function_arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{function_name}"
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = f"2026/01/01/[$LATEST]{uuid4().hex}"
        self.aws_request_id = str(uuid4())
        self._end = time.time() + timeout

    def __repr__(self) -> str:
        return f"<LambdaContext {self.function_name}, {self.get_remaining_time_in_millis()} ms left>"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left, 0 where the time is over."""
        return max(0, int((self._end - time.time()) * 1000))

    def __enter__(self) -> Self:
        self._end = time.time() + self.timeout
        deadlines.begin_invocation(self._end)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        deadlines.end_invocation()
