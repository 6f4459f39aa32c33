"""Many threads through one engine, and forks: nothing is shared that should not be."""

import gc
import os
import random
import signal
import threading

import pytest
from rdspool import connector, get_engine, tls
from sqlalchemy import text


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


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


def test_a_forked_child_gets_its_own_engine(front, target):
    engine = get_engine(**target)
    with engine.connect() as connection:
        parents = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            own = get_engine(**target)
            with own.connect() as connection:
                childs = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
            os.write(writing, f"{own is engine} {childs}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    same, childs = os.read(reading, 100).decode().split()
    os.close(reading)
    os.waitpid(child, 0)
    assert same == "False"
    assert int(childs) != parents
    with engine.connect() as connection:
        assert connection.execute(text("SELECT CONNECTION_ID()")).scalar_one() == parents


@pytest.mark.parametrize("action", ["exit", "close", "collect"])
def test_a_forked_child_does_not_end_the_parents_connection(target, action):
    engine = get_engine(**target)
    with engine.connect() as connection:
        parents = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
        child = os.fork()
        if child == 0:
            if action == "close":
                engine.dispose()
            elif action == "collect":
                held = connection.connection.dbapi_connection
                held._socket.__del__()
                del held, connection, engine
                gc.collect()
            os._exit(0)
        os.waitpid(child, 0)
        assert connection.execute(text("SELECT CONNECTION_ID()")).scalar_one() == parents


def test_a_connection_made_ahead_stays_the_parents(front, target):
    engine = get_engine(**target, connect="init")
    engine.pool._creator._ahead._thread.join()
    child = os.fork()
    if child == 0:
        try:
            with get_engine(**target, connect="init").connect() as connection:
                connection.execute(text("SELECT 1"))
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        finally:
            gc.collect()
            os._exit(0)
    os.waitpid(child, 0)
    made = front.connections()
    with front.count() as count, engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert count.connections == 0
    assert len(made) >= 2


def test_a_fork_while_a_thread_signs(target):
    """The child must not wait for locks that a thread of the parent's held."""
    engine = get_engine(**target)
    source = connector.token_source(engine.pool._creator.settings)
    with source._lock, tls._lock, connector._tokens_lock:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.alarm(20)
                with get_engine(**target).connect() as connection:
                    connection.execute(text("SELECT 1"))
                code = 0
            finally:
                os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
