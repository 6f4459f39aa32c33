"""Requests to AWS over TLS: which authorities verify its endpoint, and what is said where no answer comes."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from rdspool._aws import requests
from rdspool._aws.credentials import Credentials
from rdspool.secret import Secret

from local.certificates import authority

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", Secret("the-secret-key"), Secret("the-session-token"))
CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in (*CA_VARIABLES, "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def endpoint():
    """Return a function that starts an endpoint with this certificate and key, or without TLS, and returns the server and its URL."""
    started = []

    def start(pair=None):
        server = HTTPServer(("127.0.0.1", 0), Handler)
        server.asked = []
        server.handle_error = lambda *_: None  # a client that does not trust the certificate hangs up
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return server, f"http{'s' if pair else ''}://localhost:{server.server_port}/"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def ask(url):
    return requests.post(url, "sts", "eu-central-1", {}, b"a question", KEYS, 5)


def refused(url):
    with pytest.raises(requests.NoAnswerError) as caught:
        ask(url)
    return caught.value


# -- the authorities -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_the_file_of_the_variable_verifies(endpoint, certificates, monkeypatch, variable):
    _, url = endpoint(certificates.issue(["localhost"]))
    monkeypatch.setenv(variable, str(certificates.ca))
    assert ask(url)[::2] == (200, b"a question")


def test_the_first_variable_that_is_set_counts(endpoint, certificates, monkeypatch):
    _, url = endpoint(certificates.issue(["localhost"]))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates.ca))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nosuch.pem")
    assert ask(url).status == 200
    monkeypatch.setenv("AWS_CA_BUNDLE", "")  # for some releases of botocore, an empty one turned verification off
    assert "REQUESTS_CA_BUNDLE is '/nosuch.pem'" in str(refused(url))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    assert "the system's authorities" in str(refused(url))


def test_verification_that_is_turned_off_for_the_process_stays_on_here(endpoint, certificates, monkeypatch):
    server, url = endpoint(certificates.issue(["localhost"]))
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_unverified_context)
    error = refused(url)
    assert f"the certificate of {url} was not verified with the system's authorities: " in str(error)
    assert "set AWS_CA_BUNDLE to a PEM file" in str(error)
    assert (error.unreachable, server.asked) == (False, [])


@pytest.mark.parametrize("variable", CA_VARIABLES)
@pytest.mark.parametrize("content", [None, "", "not a certificate\n"], ids=["missing", "empty", "text"])
def test_a_file_without_a_certificate(endpoint, certificates, tmp_path, monkeypatch, variable, content):
    server, url = endpoint(certificates.issue(["localhost"]))
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(variable, str(file))
    error = refused(url)
    assert f"{variable} is '{file}', which can't be read as a PEM file of certificates: " in str(error)
    assert (error.unreachable, server.asked) == (False, [])


def test_an_authority_that_is_not_in_the_file(endpoint, certificates, tmp_path, monkeypatch):
    server, url = endpoint(certificates.issue(["localhost"]))
    file = authority(tmp_path).ca
    monkeypatch.setenv("AWS_CA_BUNDLE", str(file))
    error = refused(url)
    assert f"was not verified with the authorities of AWS_CA_BUNDLE ('{file}')" in str(error)
    assert f"add its certificate to '{file}'" in str(error)
    assert server.asked == []


@pytest.mark.parametrize(("names", "expired", "words"), [(["db.test"], False, "mismatch"), (["localhost"], True, "expired")])
def test_a_certificate_that_no_other_file_makes_good(endpoint, certificates, monkeypatch, names, expired, words):
    server, url = endpoint(certificates.issue(names, expired))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates.ca))
    error = refused(url)
    assert words in str(error)
    assert "its certificate" not in str(error)
    assert server.asked == []


def test_an_authority_without_key_identifiers(endpoint, monkeypatch, tmp_path):
    """Such as that of many a company: since Python 3.13, ssl's default context refuses it, and botocore does not."""
    ca, *pair = without_key_identifiers(tmp_path)
    _, url = endpoint(pair)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(ca))
    assert ask(url).status == 200


def without_key_identifiers(folder):
    """Return the paths of an authority's certificate, a server's, and the server's key."""
    now, keys = datetime.now(UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "localhost")]
    extensions = x509.BasicConstraints(ca=True, path_length=None), x509.SubjectAlternativeName([x509.DNSName("localhost")])
    pems = []
    for key, name, extension in zip(keys, names, extensions, strict=True):
        made = x509.CertificateBuilder(names[0], name, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        pems.append(made.add_extension(extension, critical=False).sign(keys[0], hashes.SHA256()).public_bytes(Encoding.PEM))
    pems.append(keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files = [folder / name for name in ("ca.pem", "server.pem", "server.key")]
    for file, pem in zip(files, pems, strict=True):
        file.write_bytes(pem)
    return files


def test_a_request_in_clear_needs_no_authorities(endpoint, monkeypatch):
    """An AWS API on the developer's machine, often without TLS."""
    _, url = endpoint()
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nosuch.pem")
    monkeypatch.setattr(ssl, "create_default_context", None)
    assert ask(url).status == 200


# -- no answer -------------------------------------------------------------------------------------------------------------------------


def test_nothing_is_there(endpoint):
    server, url = endpoint()
    server.shutdown()
    server.server_close()
    error = refused(url)
    assert f"{url} does not answer (" in str(error)
    assert error.unreachable


@pytest.mark.parametrize("url", ["127.0.0.1:4566/", "//127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd", "http://[::1/"])
def test_what_is_no_url(url):
    error = refused(url)
    assert str(error) == f"{url} is no URL of https or http"
    assert not error.unreachable


def test_what_speaks_something_else(endpoint, monkeypatch):
    _, url = endpoint()
    monkeypatch.setattr(Handler, "do_POST", lambda handler: handler.wfile.write(b"220 mail.example ESMTP\r\n"))
    error = refused(url)
    assert f"what {url} answers can't be read as HTTP (BadStatusLine)" in str(error)
    assert not error.unreachable


@pytest.mark.parametrize("status", ["200 OK", "500 No"])
@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("Content-Length: 99\r\n\r\n{half a secret", "the answer of URL broke off"),
        ("Transfer-Encoding: chunked\r\n\r\n63\r\n{half a secret", "what URL answers can't be read as HTTP (IncompleteRead)"),
    ],
)
def test_an_answer_that_breaks_off(endpoint, monkeypatch, status, rest, words):
    _, url = endpoint()
    answer = f"HTTP/1.1 {status}\r\n{rest}".encode()
    monkeypatch.setattr(Handler, "do_POST", lambda handler: handler.wfile.write(answer))
    error = refused(url)
    assert str(error) == words.replace("URL", url)
    assert (error.unreachable, error.__cause__, error.__context__) == (False, None, None)


def test_a_longer_answer_is_cut(endpoint):
    _, url = endpoint()
    answer = requests.post(url, "sts", "eu-central-1", {}, b"x" * 200_000, KEYS, 5)
    assert (answer.status, len(answer.body)) == (200, 100_000)
