"""A host that is an alias of the endpoint: connections lead to it, the token and the certificate are for the endpoint's own name."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading

import pytest
from connections import connection_id
from named_network import run
from rdspool import Settings, dbapi, errors, get_engine
from rdspool.__main__ import main
from rdspool._driver import resumption
from sqlalchemy import create_engine, exc
from sqlalchemy.engine import URL

from local.front import Proxy
from local.front.names import resolved, resolved_by

ALIAS = "db.internal.example"
CLUSTER = "app.cluster-c1abc.eu-central-1.rds.amazonaws.com"
INSTANCE = "app-1.c1abc.eu-central-1.rds.amazonaws.com"


class Tunnel:
    """A port that leads to another one, as `ssh -L` makes it."""

    def __init__(self, address, port):
        self._to = address, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _accept(self):
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            theirs = socket.create_connection(self._to)
            self._sockets += [ours, theirs]
            for pair in ((ours, theirs), (theirs, ours)):
                self._threads.append(threading.Thread(target=self._copy, args=pair))
                self._threads[-1].start()

    def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):  # the other direction was first
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def alias(target):
    """The target by an alias that nothing but this name resolves: what is looked up is the alias."""
    with resolved(ALIAS), resolved_by({target["host"]: "192.0.2.1"}):
        yield {**target, "host": ALIAS, "endpoint": target["host"]}


def test_iam_signs_in_by_an_alias(front, alias):
    engine = get_engine(**alias)
    first = front.connection(backend_id=connection_id(engine))
    engine.dispose()
    second = front.connection(backend_id=connection_id(engine))
    assert [first.sign_in, second.sign_in] == ["iam", "iam"]
    assert [first.tls_resumed, second.tls_resumed] == [False, True]


def test_a_url_of_create_engine_has_the_endpoints_name_among_its_options(front, alias):
    query = {"endpoint": alias["endpoint"], "ca": alias["ca"]}
    engine = create_engine(URL.create("mysql+rdspool", "app", None, ALIAS, alias["port"], "app", query))
    assert front.connection(backend_id=connection_id(engine)).sign_in == "iam"
    engine.dispose()


def test_named_engines_have_an_alias_each(front, alias, monkeypatch):
    for name, value in alias.items():
        monkeypatch.setenv(f"RDSPOOL_REPORTING_{name.upper()}", str(value))
    assert front.connection(backend_id=connection_id(get_engine("reporting"))).sign_in == "iam"
    monkeypatch.setenv("RDSPOOL_ENDPOINT", "another.example")
    monkeypatch.delenv("RDSPOOL_REPORTING_ENDPOINT")
    assert Settings.load("reporting").endpoint is None  # the unnamed engine's is not its own


def test_a_tunnel_has_another_port_than_the_endpoint(front, target):
    """The token is signed for the endpoint's own port, which is the front's."""
    with Tunnel(front.address, front.port) as tunnel:
        engine = get_engine(**{**target, "host": "127.0.0.1", "port": tunnel.port, "endpoint": f"{front.host}:{front.port}"})
        assert front.connection(backend_id=connection_id(engine)).sign_in == "iam"
        engine.dispose()


def test_a_session_is_not_resumed_under_another_name(front, alias):
    """What verified the server was another name, and a resumed session shows no certificate."""
    connection_id(get_engine(**alias))
    with pytest.raises(exc.OperationalError) as caught:
        connection_id(get_engine("other", **{**alias, "endpoint": "other.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"}))
    assert isinstance(caught.value.orig, errors.CertificateError)
    assert "RDSPOOL_ENDPOINT" in str(caught.value.orig)
    assert "is not for 'other.cluster-" in str(caught.value.orig)
    assert front.connections()[-1].sign_in == ""
    assert resumption._sessions  # the first one is kept


def test_an_alias_without_the_endpoints_name_says_what_to_set(alias):
    del alias["endpoint"]
    with pytest.raises(exc.OperationalError) as caught:
        connection_id(get_engine(**alias))
    assert isinstance(caught.value.orig, errors.CertificateError)
    assert "set RDSPOOL_ENDPOINT to the endpoint's own name" in str(caught.value.orig)


def test_an_alias_of_a_proxy(server, module_fronts, target):
    """It is treated as the proxy that it is, whose connections nothing pins."""
    host = "app.proxy-c1abcdefghij.eu-central-1.rds.amazonaws.com"
    front = module_fronts(server, host=host, proxy=Proxy(10))
    with resolved(ALIAS):
        engine = get_engine(**{**target, "host": ALIAS, "port": front.port, "endpoint": host})
        connection_id(engine)
        assert front.connections()[-1].pinned == ""
        engine.dispose()


def test_a_statement_behind_an_alias_is_ended(alias):
    """The second connection, which ends a statement that was given up, verifies the same name."""
    connection = dbapi.connect(**alias, read_timeout=0.3)
    with pytest.raises(errors.StatementTimeoutError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT SLEEP(30)")
    assert "ended on the server" in caught.value.__notes__[0]


# -- the doctor ----------------------------------------------------------------------------------------------------------------------


def test_the_doctor_uses_the_alias_and_the_name(alias, monkeypatch, capsys):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9/")
    for name, value in alias.items():
        monkeypatch.setenv(f"RDSPOOL_{name.upper()}", str(value))
    main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    steps = {step["step"]: step for step in report["steps"]}
    assert report["failed"] == report["warnings"] == []
    assert steps["settings"]["facts"]["settings"]["endpoint"] == {"value": alias["endpoint"], "from": "RDSPOOL_ENDPOINT"}
    assert steps["settings"]["facts"]["settings"]["region"] == {"value": "eu-central-1", "from": "the endpoint's name"}
    assert steps["token"]["facts"]["target"] == f"{alias['endpoint']}:{alias['port']}"


@pytest.mark.parametrize(
    ("endpoint", "outcome"),
    [(None, "warning"), (CLUSTER, "ok"), (INSTANCE, "ok"), ("other.cluster-c1abc.eu-central-1.rds.amazonaws.com", "warning")],
)
def test_the_doctor_finds_the_alias_in_the_dns(function_environment, tmp_path, endpoint, outcome):
    """A real name server: the alias leads to the cluster, whose own name leads to the instance that writes today."""
    ran = run(
        tmp_path,
        {ALIAS: CLUSTER, CLUSTER: INSTANCE, INSTANCE: "127.0.0.9"},
        *(sys.executable, "-m", "rdspool", "doctor", "--json"),
        RDSPOOL_HOST=ALIAS,
        RDSPOOL_USER="app",
        AWS_ENDPOINT_URL_STS="http://127.0.0.1:9/",
        **({"RDSPOOL_ENDPOINT": endpoint} if endpoint else {}),
    )
    assert ran.stdout, ran.stderr
    (dns,) = [step for step in json.loads(ran.stdout)["steps"] if step["step"] == "dns"]
    assert dns["outcome"] == outcome
    assert dns["facts"]["names"] == [ALIAS, CLUSTER, INSTANCE]
    assert dns["fix"] == ([] if outcome == "ok" else [f"RDSPOOL_ENDPOINT={CLUSTER}"])
