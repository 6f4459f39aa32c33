"""Calls of others that take no time-out are waited for up to a limit."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from rdspool._bounded_calls import in_time
from rdspool.deadlines import within


def limit(seconds=60.0):
    return within(seconds, "the test's")


def test_what_the_call_returns():
    assert in_time(lambda: 7, limit()) == 7


def test_what_the_call_raises():
    with pytest.raises(KeyError, match="mine"):
        in_time(lambda: {}["mine"], limit())


def test_one_thread_makes_call_after_call():
    assert len({in_time(threading.get_ident, limit()) for _ in range(20)}) == 1


def test_a_thread_that_still_waits_lets_the_process_end():
    assert in_time(lambda: threading.current_thread().daemon, limit())


def test_a_call_that_raised_does_not_end_its_thread():
    thread = in_time(threading.get_ident, limit())
    with pytest.raises(SystemExit):
        in_time(exit, limit())
    assert in_time(threading.get_ident, limit()) == thread


def test_at_the_limit_the_thread_goes_on_alone_and_another_makes_the_next_call():
    go_on, done = threading.Event(), threading.Event()

    def call():
        go_on.wait()
        done.set()

    first = in_time(threading.get_ident, limit())
    assert in_time(call, limit(0.01)) is None
    assert in_time(threading.get_ident, limit()) != first
    go_on.set()
    assert done.wait(60)


def test_what_a_late_call_returns_is_not_the_next_ones_result():
    go_on = threading.Event()
    assert in_time(lambda: go_on.wait() and "late", limit(0.01)) is None
    go_on.set()
    assert [in_time(lambda number=number: number, limit()) for number in range(50)] == list(range(50))


def test_calls_at_once_each_have_their_own_result():
    both = threading.Barrier(8)

    def call(number):
        def wait():
            both.wait(60)
            return number

        return in_time(wait, limit())

    with ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            assert list(threads.map(call, range(8))) == list(range(8))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_process_has_threads_of_its_own():
    in_time(threading.get_ident, limit())
    child = os.fork()
    if child == 0:
        os._exit(0 if in_time(lambda: 7, limit(30)) == 7 else 1)
    assert os.waitpid(child, 0)[1] == 0
