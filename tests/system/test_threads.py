"""Many threads through one engine, and forks: nothing is shared that should not be."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import traceback

import pytest
from connections import connection_id
from rdspool import creator, get_engine
from rdspool._driver import tls
from sqlalchemy import text


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("pool_size", [1, 8])
def test_many_threads_get_their_own_answers(server, target, pool_size):
    server.execute("CREATE TABLE IF NOT EXISTS app.threads (thread INT, n INT, PRIMARY KEY (thread, n))", "DELETE FROM app.threads")
    engine = get_engine(**target, pool_size=pool_size, pool_timeout=60)
    wrong = []

    def work(number):
        choice = random.Random(number)
        for n in range(25):
            expected = f"{number}-{n}-{'x' * choice.randrange(2000)}"
            with engine.begin() as connection:
                if connection.execute(text("SELECT :v"), {"v": expected}).scalar_one() != expected:
                    wrong.append(expected)
                connection.execute(text("INSERT INTO threads VALUES (:t, :n)"), {"t": number, "n": n})
                if n % 5 == 4:
                    connection.rollback()

    run_all([threading.Thread(target=work, args=(number,)) for number in range(16)])
    assert not wrong
    assert server.execute("SELECT COUNT(*) FROM app.threads")[0][0] == 16 * 20


def test_connections_that_are_made_at_once(front, target):
    """First connects in parallel: the token, the TLS context and the dialect's first look are shared."""
    engine = get_engine(**target, pool_size=12, pool_timeout=60)
    barrier = threading.Barrier(12)
    found = []

    def work():
        barrier.wait()
        with engine.connect() as connection:
            found.append(connection.execute(text("SELECT CONNECTION_ID()")).scalar_one())
            barrier.wait()

    with front.count() as count:
        run_all([threading.Thread(target=work) for _ in range(12)])
    assert len(set(found)) == 12
    assert count.connections == 12


def in_child(work):
    """Run `work` in the child of a fork and return the child's exit status: 0 where it raised nothing."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(200)  # a child that waits for a lock of its parent's would stay for ever
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the parent reads the exit status
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_gets_its_own_engine(front, target):
    engine = get_engine(**target)
    parents = connection_id(engine)

    def work():
        own = get_engine(**target)
        assert own is not engine
        assert connection_id(own) != parents

    assert in_child(work) == 0
    assert connection_id(engine) == parents


@pytest.mark.parametrize("action", ["exit", "close", "collect"])
def test_a_forked_child_does_not_end_the_parents_connection(target, action):
    engine = get_engine(**target)

    def work():
        if action == "close":
            engine.dispose()
        elif action == "collect":
            connection.connection.dbapi_connection._commands.stream.__del__()
            gc.collect()

    with engine.connect() as connection:
        parents = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
        assert in_child(work) == 0
        assert connection.execute(text("SELECT CONNECTION_ID()")).scalar_one() == parents


def test_a_connection_made_during_init_stays_the_parents(front, target):
    engine = get_engine(**target, connect="init")
    engine.pool._creator._init_connection._thread.join()
    parents = front.connections()[-1].backend_id

    def work():
        assert connection_id(get_engine(**target, connect="init")) != parents
        assert connection_id(engine) != parents
        gc.collect()

    assert in_child(work) == 0
    with front.count() as count:
        assert connection_id(engine) == parents
    assert count.connections == 0


def test_a_fork_while_a_thread_signs(target):
    """The child must not wait for locks that a thread of the parent's has taken."""
    engine = get_engine(**target)
    source = creator.token_source(engine.pool._creator.settings)
    with source._lock, tls._lock, creator._tokens_lock:
        assert in_child(lambda: connection_id(get_engine(**target))) == 0
