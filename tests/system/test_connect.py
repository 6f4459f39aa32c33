"""The way to the server: IAM, passwords, TLS; and each refusal with an error of its own."""

from __future__ import annotations

import threading
import time

import pytest
from connections import connection_id
from rdspool import CredentialsError, SettingsError, creator, errors, get_engine
from rdspool._aws import token as token_module
from rdspool._driver.error_numbers import TOO_MANY, TOO_MANY_CONNECTIONS
from sqlalchemy import exc, text

from local.certificates import authority
from local.front.faults import Accept, Error, SignIn, Silence


def refused(engine, kind):
    with pytest.raises(exc.OperationalError) as caught, engine.connect():
        pass
    assert isinstance(caught.value.orig, kind), caught.value
    return str(caught.value.orig)


def test_iam_signs_in_and_the_connection_is_kept(front, target):
    engine = get_engine(**target)
    first = connection_id(engine)
    assert connection_id(engine) == first
    seen = front.connection(backend_id=first)
    assert seen.sign_in == "iam"
    assert seen.user == "app"
    assert seen.tls_version == "TLSv1.3"
    assert seen.database == "app"


def test_settings_from_the_environment(front, target, monkeypatch):
    for name, value in target.items():
        monkeypatch.setenv(f"RDSPOOL_{name.upper()}", str(value))
    assert get_engine() is get_engine()
    assert front.connection(backend_id=connection_id(get_engine())).sign_in == "iam"


def test_a_password_signs_in(front, password_target):
    engine = get_engine(**password_target)
    assert front.connection(backend_id=connection_id(engine)).sign_in == "password"
    wrong = get_engine("wrong", **{**password_target, "password": "not-it"})
    message = refused(wrong, errors.SignInError)
    assert 'get_engine("wrong", password=...)' in message
    assert "'plain'" in message
    assert "not-it" not in message


def test_password_without_a_full_sign_in_and_with_one(front, password_target, server):
    """For a user that the server has seen, caching_sha2_password needs no password; after FLUSH PRIVILEGES it asks for it."""
    engine = get_engine(**password_target)
    connection_id(engine)  # from here on the TLS session is resumed, so that only the sign-in's own bytes differ
    server.execute("FLUSH PRIVILEGES")
    sizes = []
    for _ in range(3):
        engine.dispose()
        sizes.append(front.connection(backend_id=connection_id(engine)).bytes_in)
    assert sizes[1] == sizes[2]
    # The full way has one packet more, the password behind TLS; MariaDB's users have another plugin, which has no such way.
    assert (sizes[0] - sizes[1] > len(password_target["password"])) is (server.kind == "mysql")


def test_a_connection_is_recycled_after_its_time(front, target):
    engine = get_engine(**target, pool_recycle=1)
    first = connection_id(engine)
    time.sleep(1.1)
    second = connection_id(engine)
    assert second != first
    assert connection_id(engine) == second
    front.wait_closed(front.connection(backend_id=first))


def test_settings_set_the_session_up(server, target):
    engine = get_engine(**target, pool_recycle=50, isolation_level="READ COMMITTED")
    level = "transaction_isolation" if server.kind == "mysql" else "tx_isolation"
    with engine.connect() as connection:
        row = connection.execute(
            text(f"SELECT @@wait_timeout, @@character_set_client, @@collation_connection, @@autocommit, @@{level}, DATABASE()")
        ).one()
    ((collation,),) = server.execute("USE app", "SELECT @@collation_database")
    assert tuple(row) == (80, "utf8mb4", collation, 0, "READ-COMMITTED", "app")


def test_a_connection_needs_no_database(front, target):
    engine = get_engine(**{**target, "database": None})
    with engine.connect() as connection:
        assert connection.execute(text("SELECT DATABASE()")).scalar() is None


def test_the_function_shows_in_the_connections_attributes(front, target, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[$LATEST]0123456789abcdef")
    seen = front.connection(backend_id=connection_id(get_engine(**target)))
    assert seen.attributes["program_name"] == "checkout"
    assert seen.attributes["lambda_log_stream"] == "2026/11/23/[$LATEST]0123456789abcdef"


def test_a_token_serves_again(front, target):
    engine = get_engine(**target)
    connection_id(engine)
    source = creator.token_source(engine.pool._creator.settings)
    assert source.get()[1] is True


def test_tls_session_is_resumed(front, target):
    engine = get_engine(**target)
    assert not front.connection(backend_id=connection_id(engine)).tls_resumed
    engine.dispose()
    assert front.connection(backend_id=connection_id(engine)).tls_resumed


# -- refused -----------------------------------------------------------------------------------------------------------------


def test_a_certificate_of_another_authority_is_refused(server, fronts, target, tmp_path):
    other = fronts(server, authority=authority(tmp_path / "other"))
    message = refused(get_engine(**{**target, "port": other.port}), errors.CertificateError)
    assert "not signed by" in message
    assert target["ca"] in message
    assert other.connections()[-1].sign_in == ""


def test_the_shipped_roots_refuse_the_test_authority(target):
    del target["ca"]
    assert "the roots of RDS in eu-central-1" in refused(get_engine(**target), errors.CertificateError)


def test_a_certificate_for_another_name_is_refused(server, fronts, target):
    other = fronts(server, names=["other.c1abc.eu-central-1.rds.amazonaws.com"])
    message = refused(get_engine(**{**target, "port": other.port}), errors.CertificateError)
    assert "for another name" in message
    assert target["host"] in message


def test_an_expired_certificate_is_refused(server, fronts, target):
    other = fronts(server, expired=True)
    assert "has expired" in refused(get_engine(**{**target, "port": other.port}), errors.CertificateError)


def test_an_expired_token_is_refused(front, target, monkeypatch):
    real = time.time
    monkeypatch.setattr(token_module.time, "time", lambda: real() - 1000)
    engine = get_engine(**target)
    source = creator.token_source(engine.pool._creator.settings)
    source.get()
    monkeypatch.undo()
    token = source._token
    message = refused(get_engine("given", **{**target, "password": token}), errors.SignInError)
    assert "expired" in message
    assert "lasts 900 s" in message


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"user": "other"}, "for the user 'other'"),
        ({"host": "other.c1abc.eu-central-1.rds.amazonaws.com"}, "signed for other."),
        ({"port": 3399}, ":3399"),
    ],
)
def test_a_token_for_another_user_host_or_port_is_refused(front, target, changed, words):
    other = get_engine("other", **{**target, **changed})
    token, _ = creator.token_source(other.pool._creator.settings).get()
    message = refused(get_engine(**{**target, "password": token}), errors.SignInError)
    assert words in message
    assert target["host"] in message


def test_a_token_of_a_wrong_key_is_refused_with_advice(front, target, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    message = refused(get_engine(**target), errors.SignInError)
    for word in ("AWSAuthenticationPlugin", "rds-db:connect", "/app", "'app'", target["host"]):
        assert word in message


def test_a_kept_token_that_is_refused_is_signed_anew(front, target):
    engine = get_engine(**target)
    connection_id(engine)
    source = creator.token_source(engine.pool._creator.settings)
    engine.dispose()
    stale, _ = source.get()
    stale._text = stale._text[:-4] + "0000"
    assert front.connection(backend_id=connection_id(engine)).sign_in == "iam"


def test_a_refusal_that_lasts_is_not_waited_for_again(front, target):
    """It worked before, so the first call waits for IAM's throttling to pass; each later call signs afresh, and tries once."""
    engine = get_engine(**target)
    connection_id(engine)
    engine.dispose()
    front.fault(when=SignIn(), do=Error(1045), times=None)
    tries = []
    for _ in range(4):
        with front.count() as count:
            refused(engine, errors.SignInError)
        tries.append(count.connections)
    assert tries[0] > 2
    # Where the limit ended the first call's last attempt before its answer, that token was kept unrefused: the second call tries it, and a new one.
    assert tries[1] in (1, 2)
    assert tries[2:] == [1, 1]
    assert creator.token_source(engine.pool._creator.settings)._token is None
    front.clear_faults()
    assert connection_id(engine)


def test_an_unknown_database_is_named(target):
    assert "no database 'nosuch'" in refused(get_engine(**{**target, "database": "nosuch"}), errors.ConnectError)


def test_no_rights_on_the_database(server, target):
    server.database("closed")
    server.execute("CREATE USER IF NOT EXISTS nobody IDENTIFIED BY 'pw-of-nobody'")
    message = refused(get_engine(**{**target, "user": "nobody", "password": "pw-of-nobody", "database": "closed"}), errors.SignInError)
    assert "GRANT" in message
    assert "closed" in message


def test_a_refused_connection_is_unreachable(front, target):
    front.stop_listening()
    try:
        message = refused(get_engine(**target), errors.UnreachableError)
    finally:
        front.listen_again()
    assert f"{front.host}:{front.port}" in message
    assert "refused" in message


def test_a_name_without_an_address_is_unreachable(function_environment):
    message = refused(get_engine(host="nosuch.invalid", user="app", region="eu-central-1"), errors.UnreachableError)
    assert "'nosuch.invalid' has no address" in message


def test_silence_ends_with_the_connect_timeout(front, target):
    front.fault(when=Accept(), do=Silence())
    message = refused(get_engine(**target, connect_timeout=0.3), errors.UnreachableError)
    assert "0.3 s" in message
    assert "did not greet as MySQL" in message


@pytest.mark.parametrize(
    ("when", "code"), [(Accept(), TOO_MANY_CONNECTIONS), *((SignIn(), code) for code in sorted(TOO_MANY))], ids=lambda value: str(value)
)
def test_too_many_connections_are_an_error_with_advice(front, target, when, code):
    front.fault(when=when, do=Error(code), times=None)
    message = refused(get_engine(**target), errors.TooManyConnectionsError)
    assert "concurrency" in message
    assert "session_connect_attrs" in message


@pytest.mark.parametrize(("code", "words"), [(1129, "host_cache"), (1130, "hosts of the users"), (1045, "something else may be answering")])
def test_an_error_before_tls_is_unverified(front, target, code, words):
    front.fault(when=Accept(), do=Error(code, message="Access denied\r\n\x1b[2J" + "x" * 400))
    message = refused(get_engine(**target), errors.UnreachableError)
    assert f"answered, unverified: error {code} (Access denied\\r\\n\\x1b[2Jx" in message
    assert words in message
    assert "x" * 100 not in message


def test_a_refusal_before_tls_costs_no_token_and_no_second_try(front, target, caplog):
    engine = get_engine(**target, connect="init")
    connection_id(engine)
    engine.dispose()
    token = creator.token_source(engine.pool._creator.settings).get()
    front.fault(when=Accept(), do=Error(1045, message="\x1b]0;forged\x07\nINFO forged"), times=None)
    with front.count() as count:
        message = refused(engine, errors.UnreachableError)
        second = get_engine("second", **target, connect="init")
        second.pool._creator._init_connection._thread.join()
        with pytest.raises(exc.OperationalError) as caught:
            connection_id(second)
        notes = "".join(caught.value.orig.__notes__)
    assert count.connections == 3
    assert creator.token_source(engine.pool._creator.settings).get() == (token[0], True)
    for shown in (message, notes, *(record.getMessage() for record in caplog.records)):
        assert "unverified: error 1045" in shown
        assert shown.isprintable()
    front.clear_faults()
    assert front.connection(backend_id=connection_id(engine)).sign_in == "iam"


def test_missing_credentials_are_named(front, target, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="AWS_ACCESS_KEY_ID"):
        connection_id(get_engine(**target))


def test_credentials_of_a_profile_sign_in(front, target, credentials_in_a_profile):
    assert front.connection(backend_id=connection_id(get_engine(**target))).sign_in == "iam"


def test_a_region_without_roots_is_refused(target):
    with pytest.raises(SettingsError, match=r"xx-nowhere-9.*RDSPOOL_CA"):
        get_engine(host="db.example.com", user="app", region="xx-nowhere-9")


def test_a_ca_file_without_a_certificate_is_refused(target, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("not a certificate")
    with pytest.raises(SettingsError, match=r"get_engine\(ca=\.\.\.\): .*ca\.pem"):
        connection_id(get_engine(**{**target, "ca": str(file)}))


# -- threads and forks --------------------------------------------------------------------------------------------------------


def test_one_engine_for_all_threads(target):
    found = []
    barrier = threading.Barrier(16)

    def get():
        barrier.wait()
        found.append(get_engine(**target))

    threads = [threading.Thread(target=get) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(engine) for engine in found}) == 1


def test_same_name_with_other_settings_is_refused(target):
    get_engine(**target)
    assert get_engine(**target) is get_engine()
    with pytest.raises(SettingsError, match="another pool_recycle"):
        get_engine(**target, pool_recycle=10)
    assert get_engine("second", **target, pool_recycle=10) is not get_engine()
