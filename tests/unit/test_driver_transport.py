"""The socket: which address is taken, what the error says where none answers; TLS contexts; which errors mean that the connection is gone."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest
from fake_server import refusal
from mysql.connector.errors import ConnectionTimeoutError, OperationalError, ReadTimeoutError
from rdspool import ProtocolError, SettingsError, StatementTimeoutError
from rdspool._driver import tls, transport
from rdspool._driver.byte_stream import closed_error
from rdspool._driver.disconnects import is_disconnect
from rdspool._driver.responses import parse_error
from rdspool.deadlines import within

# -- connecting ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def listening():
    """Return a function that listens on a loopback address and returns the socket."""
    opened = []

    def listen(address, port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened.append(socket.create_server((address, port), family=family))
        return opened[-1]

    yield listen
    for one in opened:
        one.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_is_a_host_too(listening, address):
    port = listening(address).getsockname()[1]
    with transport.connect(address, port, within(5, "test")) as connected:
        assert connected.getpeername()[:2] == (address, port)
        assert 0 < connected.gettimeout() <= 5
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.fixture
def two_addresses(monkeypatch):
    """Give the name db.test an IPv6 and two IPv4 addresses, as a resolver would."""
    real = socket.getaddrinfo

    def getaddrinfo(host, port, family=0, *arguments):
        if host != b"db.test":
            return real(host, port, family, *arguments)
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.3", port)),
        ]
        return [one for one in found if family in (0, one[0])]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("answering", ["127.0.0.2", "127.0.0.3", "::1"])
def test_the_first_address_that_answers_is_taken(listening, two_addresses, answering):
    port = listening(answering).getsockname()[1]
    with transport.connect("db.test", port, within(5, "test")) as connected:
        assert connected.getpeername()[0] == answering


def test_ipv4_is_tried_first(listening, two_addresses):
    """RDS names with both families are reachable by IPv4 from every VPC."""
    port = listening("127.0.0.2").getsockname()[1]
    listening("::1", port)
    with transport.connect("db.test", port, within(5, "test")) as connected:
        assert connected.family == socket.AF_INET
    with transport.connect("db.test", port, within(5, "test"), force_ipv6=True) as connected:
        assert connected.family == socket.AF_INET6


def test_a_refused_connection_is_a_disconnect(listening, two_addresses):
    closed = listening("127.0.0.2")
    port = closed.getsockname()[1]
    closed.close()
    for host in ("127.0.0.2", "db.test"):
        with pytest.raises(OperationalError, match=rf"{host}:{port} can't be reached .*refused") as caught:
            transport.connect(host, port, within(5, "test"))
        assert caught.value.errno == 2003
        assert is_disconnect(caught.value)


@pytest.mark.parametrize("host", ["no-such-name.invalid", "größe.invalid"])
def test_a_name_without_an_address_is_an_error(host):
    with pytest.raises(OperationalError, match="has no address") as caught:
        transport.connect(host, 3306, within(5, "test"))
    assert caught.value.errno == 2003
    assert isinstance(caught.value.__cause__, socket.gaierror)


def test_an_address_that_does_not_answer_times_out(listening):
    """The backlog is full, so the kernel drops new connections."""
    listener = listening("127.0.0.1")
    listener.listen(0)
    port = listener.getsockname()[1]
    knocking = []
    try:
        with pytest.raises(ConnectionTimeoutError, match=rf"127\.0\.0\.1:{port} did not answer within 0\.05 s \(the test\)") as caught:
            for _ in range(20):
                knocking.append(transport.connect("127.0.0.1", port, within(0.05, "the test")))  # noqa: PERF401 - those before the last are closed below
        assert caught.value.errno == 2003
    finally:
        for one in knocking:
            one.close()


def test_a_name_server_that_never_answers(monkeypatch):
    """The system's own look-up takes no time-out: it would go on for 10 s."""
    real, release = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host, port, family=0, kind=0, protocol=0, flags=0):
        if flags & socket.AI_NUMERICHOST:
            return real(host, port, family, kind, protocol, flags)
        release.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        with pytest.raises(transport.NameTimeoutError, match=r"'db\.test' was looked up for 0\.05 s \(the test\)") as caught:
            transport.connect("db.test", 3306, within(0.05, "the test"))
    finally:
        release.set()
    assert caught.value.errno == 2003


def test_an_address_without_an_answer_leaves_time_for_the_next(listening, two_addresses):
    """The first one's backlog is full; with the whole time spent on it, the second would never be tried."""
    full = listening("127.0.0.2")
    full.listen(0)
    port = full.getsockname()[1]
    listening("127.0.0.3", port)
    knocking = [socket.socket() for _ in range(5)]
    try:
        for one in knocking:
            one.setblocking(False)
            one.connect_ex(("127.0.0.2", port))
        with transport.connect("db.test", port, within(1.5, "the test")) as connected:
            assert connected.getpeername()[0] == "127.0.0.3"
    finally:
        for one in knocking:
            one.close()


def test_the_kernel_looks_for_a_peer_that_went_silent(listening):
    port = listening("127.0.0.1").getsockname()[1]
    with transport.connect("127.0.0.1", port, within(5, "the test")) as connected:
        found = {
            name: connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in transport._OPTIONS if hasattr(socket, name)
        }
    silence = found["TCP_KEEPIDLE"] + max(found["TCP_USER_TIMEOUT"] / 1000, found["TCP_KEEPINTVL"])
    assert 0 < silence < 15
    assert found["TCP_USER_TIMEOUT"] > 0


def test_what_is_sent_is_acknowledged_by_a_kernel_alone(listening):
    """The peer's process has not even taken the connection."""
    port = listening("127.0.0.1").getsockname()[1]
    with transport.connect("127.0.0.1", port, within(5, "the test")) as connected:
        connected.sendall(b"x")
        while not transport.acknowledged(connected):
            pass
    assert transport.acknowledged(connected)  # a closed socket does not tell


def test_what_has_arrived_is_taken_without_a_wait(pair):
    ours, theirs = pair()
    ours.settimeout(7)
    assert transport.arrived(ours, 7, 100) == b""
    theirs.sendall(b"abc")
    assert transport.arrived(ours, 7, 2) == b"ab"
    assert transport.arrived(ours, 7, 100) == b"c"
    theirs.close()
    assert transport.arrived(ours, 7, 100) is None
    assert ours.gettimeout() == 7


# -- TLS contexts --------------------------------------------------------------------------------------------------------------------


def test_a_context_is_made_once_for_the_same_files(certificates, tmp_path):
    ca = str(certificates.ca)
    other = tmp_path / "other.pem"
    other.write_bytes(certificates.ca.read_bytes())
    assert tls.context((ca,)) is tls.context((ca,))
    assert tls.context((ca,)) is not tls.context((str(other),))
    assert len(tls.context((ca, str(other))).get_ca_certs()) == 1
    tls.after_fork()
    assert tls.context((ca,)) is tls.context((ca,))


@pytest.mark.parametrize("content", [None, b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_is_reported(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    for _ in range(2):
        with pytest.raises(SettingsError, match=r"'.*ca\.pem' can't be read as a PEM file"):
            tls.context((str(file),))


def test_a_context_never_does_without_verification(certificates):
    made = tls.context((str(certificates.ca),))
    assert (made.verify_mode, made.check_hostname, made.minimum_version) == (ssl.CERT_REQUIRED, True, ssl.TLSVersion.TLSv1_2)


# -- disconnects ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (closed_error(), True),
        (StatementTimeoutError("x", errno=3024), True),
        (ReadTimeoutError(), True),
        (ProtocolError("x", errno=2027), True),
        (parse_error(refusal(1290, "running with the --read-only option", "HY000")), True),
        (parse_error(refusal(1290, "running with the --innodb_read_only option", "HY000")), True),
        (parse_error(refusal(1290, "running with the --secure-file-priv option", "HY000")), False),
        (parse_error(refusal(1064)), False),
        (parse_error(refusal(1213, "Deadlock found", "40001")), False),
        (parse_error(refusal(1205, "Lock wait timeout exceeded", "HY000")), False),
        (parse_error(refusal(3024, "maximum statement execution time exceeded", "HY000")), False),
        (parse_error(refusal(1317, "Query execution was interrupted", "70100")), False),
        (OperationalError("Connection to MySQL is not available"), True),
        (ValueError("MySQL Connection not available"), False),
        (OSError(), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_which_errors_mean_that_the_connection_is_gone(error, expected):
    assert is_disconnect(error) is expected
