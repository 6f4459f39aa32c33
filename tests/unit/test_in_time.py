"""Calls of others that take no time-out are waited for up to a limit."""

from __future__ import annotations

import threading

import pytest
from rdspool.deadlines import in_time, within


def test_what_the_call_returns():
    assert in_time(lambda: 7, within(60, "the test's"), "call") == 7


def test_what_the_call_raises():
    with pytest.raises(KeyError, match="mine"):
        in_time(lambda: {}["mine"], within(60, "the test's"), "call")


def test_at_the_limit_the_thread_goes_on_alone():
    go_on, done = threading.Event(), threading.Event()

    def call():
        go_on.wait()
        done.set()
        return threading.current_thread().name

    assert in_time(call, within(0.01, "the test's"), "call") is None
    assert "call" in [thread.name for thread in threading.enumerate() if thread.daemon]
    go_on.set()
    assert done.wait(60)
