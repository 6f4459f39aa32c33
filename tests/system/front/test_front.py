"""The RDS front before the real servers: sign-in with IAM and with a password, TLS, and what it refuses."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mysql.connector
import pymysql
import pymysql.err
import pytest
from front_clients import (
    CREDENTIALS,
    DATABASE,
    IAM_USER,
    PASSWORD,
    PASSWORD_USER,
    PYMYSQL_SETUP,
    USERS,
    c_client,
    connector_connection,
    pymysql_connection,
    query,
    token,
)

from local.certificates import authority
from local.errors import LocalError
from local.front import Credentials, Front, start
from local.server import Server


def refused(connect: Callable[[], Any]) -> pymysql.err.OperationalError:
    with pytest.raises(pymysql.err.OperationalError) as caught, contextlib.closing(connect()):
        pass
    return caught.value


def test_pymysql_with_a_token(front: Front) -> None:
    with pymysql_connection(front) as connection:
        number = query(connection)
        record = front.connection(backend_id=number)
        assert connection.thread_id() == number
        assert query(connection, "SELECT CURRENT_USER()") == f"{IAM_USER}@%"
        assert query(connection, "SELECT DATABASE()") == DATABASE
    assert (record.user, record.sign_in, record.refusal, record.database) == (IAM_USER, "iam", "", DATABASE)
    assert (record.tls_version, record.tls_resumed, record.hello_retries) == ("TLSv1.3", False, 0)
    # The floor of IAM's sign-in: hello, login, token; then two settings and the query.
    assert (record.connect_round_trips, record.query_round_trips) == (3, 3)
    assert record.commands == [*PYMYSQL_SETUP, "QUERY SELECT CONNECTION_ID()"]
    assert record.token_bytes == len(token(front))
    assert record.attributes["_client_name"] == "pymysql"
    assert record.open
    closed = front.wait_closed(record)
    assert (closed.closed_by, closed.commands[-1]) == ("client", "QUIT")


@pytest.mark.parametrize("direct", [True, False])
def test_connector_with_a_token(server: Server, direct: bool) -> None:
    with start(server, users=USERS, credentials=CREDENTIALS, direct_clear_password=direct) as front:
        with connector_connection(front) as connection:
            record = front.connection(backend_id=query(connection))
        assert (record.sign_in, record.client_plugin) == ("iam", "mysql_clear_password")
        # A token that comes with the login saves the round trip that asks for it.
        assert record.connect_round_trips == (2 if direct else 3)


def test_c_connector_with_a_token(front: Front) -> None:
    options = {"user": IAM_USER, "password": token(front), "auth_plugin": "mysql_clear_password"}
    kind, number = c_client(front, **options)
    record = front.connection(backend_id=number)
    assert (kind, record.sign_in, record.tls_version) == ("CMySQLConnection", "iam", "TLSv1.3")


def test_password_passes_through(front: Front) -> None:
    for connect in (pymysql_connection, connector_connection):
        with connect(front, user=PASSWORD_USER) as connection:
            record = front.connection(backend_id=query(connection))
            assert query(connection, "SELECT CURRENT_USER()") == f"{PASSWORD_USER}@%"
        assert (record.sign_in, record.token_bytes) == ("password", 0)
    assert c_client(front, user=PASSWORD_USER, password=PASSWORD)[0] == "CMySQLConnection"


def test_wrong_password_is_the_backends_refusal(front: Front) -> None:
    error = refused(lambda: pymysql_connection(front, user=PASSWORD_USER, password="wrong").__enter__())
    assert error.args[0] == 1045
    assert (front.connection().sign_in, front.connection().refusal) == ("refused", "the backend answered with error 1045")


def test_password_user_without_tls(front: Front, server: Server) -> None:
    # caching_sha2_password knows the user's hash by now, or mysql_native_password needs no secret line.
    with pymysql_connection(front, user=PASSWORD_USER):
        pass
    with pymysql.connect(host=front.address, port=front.port, user=PASSWORD_USER, password=PASSWORD, ssl_disabled=True) as connection:
        assert front.connection(backend_id=query(connection)).tls_version is None


def tampered(whole: str) -> str:
    """Return a token with another last digit of its signature."""
    return whole[:-1] + ("0" if whole[-1] != "0" else "1")


REFUSALS: dict[str, tuple[Callable[[Front], str], str]] = {
    "host": (lambda front: token(front, host="other.eu-central-1.rds.amazonaws.com"), "host: "),
    "port": (lambda front: token(front, port=1), "port: the token is for 1, "),
    "user": (lambda front: token(front, user="somebody"), "user: the token is for somebody"),
    "region": (lambda front: token(front, region="us-east-1"), "region: the token is for us-east-1"),
    "key": (
        lambda front: token(front, Credentials("AKIAOTHER", CREDENTIALS.secret_key, CREDENTIALS.session_token)),
        "access key: AKIAOTHER",
    ),
    "secret": (lambda front: token(front, Credentials(CREDENTIALS.access_key, "x", CREDENTIALS.session_token)), "signature: "),
    "session": (lambda front: token(front, Credentials(CREDENTIALS.access_key, CREDENTIALS.secret_key)), "session token: missing"),
    "tampered": (lambda front: tampered(token(front)), "signature: "),
    "no token": (lambda _: "some password", "malformed: "),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_wrong_token_is_refused(front: Front, name: str) -> None:
    make, reason = REFUSALS[name]
    wrong = make(front)
    error = refused(lambda: pymysql_connection(front, password=wrong).__enter__())
    assert error.args == (1045, f"Access denied for user '{IAM_USER}'@'127.0.0.1' (using password: YES)")
    record = front.connection()
    assert record.sign_in == "refused"
    assert record.refusal.startswith(reason)
    assert wrong not in str(record)
    assert "X-Amz-Signature" not in str(record)


@pytest.mark.parametrize(("ahead", "reason"), [(1201, "expired: 120"), (-400, "future: signed ")])
def test_a_token_is_refused_for_its_time(front: Front, ahead: float, reason: str) -> None:
    front.clock(ahead)
    assert refused(lambda: pymysql_connection(front).__enter__()).args[0] == 1045
    assert front.connection().refusal.startswith(reason)
    front.clock(850)
    with pymysql_connection(front) as connection:
        assert query(connection, "SELECT 1") == 1


def test_token_is_not_asked_for_without_tls(front: Front) -> None:
    options = {"user": IAM_USER, "password": token(front), "ssl_disabled": True}
    error = refused(lambda: pymysql.connect(host=front.address, port=front.port, **options))
    assert error.args[0] == 1045
    record = front.connection()
    assert (record.tls_version, record.token_bytes, record.refusal[:6]) == (None, 0, "no TLS")


def test_a_sign_in_without_tls_is_refused_where_tls_is_required(server: Server) -> None:
    with start(server, users=USERS, credentials=CREDENTIALS, require_tls=True) as front:
        options = {"user": PASSWORD_USER, "password": PASSWORD, "ssl_disabled": True}
        assert refused(lambda: pymysql.connect(host=front.address, port=front.port, **options)).args[0] == 3159


def test_wrong_servers_get_no_token(server: Server, tmp_path: Path) -> None:
    other = authority(tmp_path / "other")
    wrong: dict[str, dict[str, Any]] = {
        "unable to get local issuer certificate|self-signed": {"authority": other},
        "Hostname mismatch": {"names": ["another.eu-central-1.rds.amazonaws.com"]},
        "certificate has expired": {"expired": True},
    }
    right = authority(tmp_path / "right")
    for text, options in wrong.items():
        with start(server, users=USERS, credentials=CREDENTIALS, **{"authority": right, **options}) as front:
            context = ssl.create_default_context(cafile=str(right.ca))
            with pytest.raises((pymysql.err.OperationalError, ssl.SSLError), match=text):
                pymysql_connection(front, ssl=context).__enter__()
            front.wait(lambda front: not front.connection().open)
            record = front.connection()
            assert (record.sign_in, record.token_bytes, record.user) == ("", 0, "")


@pytest.mark.parametrize(("versions", "seen", "trips"), [(("1.2", "1.2"), "TLSv1.2", 4), (("1.3", "1.3"), "TLSv1.3", 3)])
def test_tls_versions(server: Server, versions: tuple[str, str], seen: str, trips: int) -> None:
    with start(server, users=USERS, credentials=CREDENTIALS, tls_versions=versions) as front, pymysql_connection(front) as connection:
        record = front.connection(backend_id=query(connection))
        assert (record.tls_version, record.connect_round_trips) == (seen, trips)


def test_hello_retry_is_no_round_trip(server: Server) -> None:
    with start(server, users=USERS, credentials=CREDENTIALS, curve="secp384r1") as front, pymysql_connection(front) as connection:
        record = front.connection(backend_id=query(connection))
        assert (record.hello_retries, record.connect_round_trips) == (1, 3)


class KeepingContext(ssl.SSLContext):
    """Offers the session that it was given last."""

    kept: ssl.SSLSession | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*arguments, session=self.kept, **options)


@pytest.mark.parametrize("tickets", [True, False])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_resumption(server: Server, tickets: bool, version: str) -> None:
    with start(server, users=USERS, credentials=CREDENTIALS, tickets=tickets, tls_versions=(version, version)) as front:
        context = KeepingContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(front.ca_file)
        for resumed in (False, tickets):
            with pymysql_connection(front, ssl=context) as connection:
                record = front.connection(backend_id=query(connection))
                context.kept = connection._sock.session
            assert record.tls_resumed is resumed
            # TLS 1.2 saves a round trip by resuming, 1.3 has none to save.
            assert record.connect_round_trips == (4 if version == "1.2" and not resumed else 3)


def test_connection_over_tcp(server: Server) -> None:
    server.execute(f"ALTER USER '{PASSWORD_USER}'@'%' REQUIRE SSL", f"ALTER USER '{IAM_USER}'@'%' REQUIRE SSL")
    try:
        with start(server, users=USERS, credentials=CREDENTIALS, backend_tcp=True) as front:
            for user in (IAM_USER, PASSWORD_USER):
                with pymysql_connection(front, user=user) as connection:
                    assert query(connection, "SHOW STATUS LIKE 'Ssl_cipher'") == "Ssl_cipher"
    finally:
        server.execute(f"ALTER USER '{PASSWORD_USER}'@'%' REQUIRE NONE", f"ALTER USER '{IAM_USER}'@'%' REQUIRE NONE")


def test_two_fronts_of_one_server(front: Front, server: Server) -> None:
    with start(server, users={}, credentials=CREDENTIALS, host="proxy.example") as second:
        with pymysql_connection(second, user=PASSWORD_USER) as connection:
            query(connection)
        assert (second.totals()["connections"], front.totals()["connections"]) == (1, 0)
        with pytest.raises(LocalError, match=f"port {second.port} of 127.0.0.1: Address already in use"):
            start(server, users={}, credentials=CREDENTIALS, port=second.port).__enter__()


def test_unreachable_backend_is_in_the_record(server: Server) -> None:
    class Gone:
        host, port, socket = "127.0.0.1", 1, None

    with start(Gone(), users={}, credentials=CREDENTIALS) as front:  # type: ignore[arg-type]
        with pytest.raises(pymysql.err.OperationalError), pymysql_connection(front, user=PASSWORD_USER):
            pass
        assert front.connection().error.startswith("the backend can't be reached: ")


def test_stock_connector_without_ca_is_seen(front: Front) -> None:
    """The record shows what a client did, however it fails afterwards."""
    with pytest.raises(mysql.connector.Error):
        mysql.connector.connect(host=front.address, port=front.port, user=IAM_USER, password="x", use_pure=True)
    assert front.connection().sign_in == "refused"
