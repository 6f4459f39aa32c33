"""The sign-in to a database of one's own, which is not verified: what it is refused for, and what is never sent."""

from __future__ import annotations

import ssl
import sys
import threading

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fake_server import ok, packets, receive_packet, refusal
from fake_sign_in import FULL, NONCE, READ, TEXT, greeting
from mysql.connector.errors import Error, InterfaceError, NotSupportedError
from rdspool._driver import unverified
from rdspool._driver.packets import PacketStream
from rdspool._driver.sign_in import Login, receive_greeting, sign_in
from rdspool.secret import Secret

from local.front.protocol import Capability, auth_switch
from tests.secrecy import found_in

ASK_FOR_ALL = b"\x01\x04"
KEY = rsa.generate_private_key(65537, 2048)


def public(key):
    return b"\x01" + key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def decrypted(sent, nonce):
    """Return the password that was sent, read as the server reads it."""
    sha1 = hashes.SHA1()  # noqa: S303 - the protocol's choice
    mixed = KEY.decrypt(sent, padding.OAEP(padding.MGF1(sha1), sha1, None))
    return bytes(byte ^ nonce[at % 20] for at, byte in enumerate(mixed))


@pytest.fixture
def at(monkeypatch):
    """Return a function that gives the server an address: the ends of a socket pair have none."""

    def set_address(address):
        monkeypatch.setattr(PacketStream, "ends", property(lambda _: (address, 1)))

    set_address("127.0.0.1")
    return set_address


@pytest.fixture
def plain(pair, at):
    """Return a function that signs in to a server without TLS that follows a script; `received` has the payloads that came."""
    received, threads = [], []

    def run(script, **login):
        ours, theirs = pair()

        def serve():
            theirs.sendall(packets([greeting(capabilities=FULL & ~Capability.SSL)], 0))
            number = 1
            for step in script:
                if step is not READ:
                    theirs.sendall(packets([step], number))
                    number += 1
                elif (packet := receive_packet(theirs)) is None:
                    return
                else:
                    received.append(packet[1])
                    number = packet[0] + 1

        threads.append(threading.Thread(target=serve))
        threads[0].start()
        stream = PacketStream(ours, "db.test", 3306)
        try:
            given = {
                "user": "app",
                "secret": Secret(TEXT),
                "database": None,
                "attributes": {},
                "development": "RDSPOOL_DEVELOPMENT",
                **login,
            }
            return sign_in(stream, receive_greeting(stream), Login(tls=unverified.context(), **given))
        finally:
            stream.close()
            threads[0].join()

    run.received = received
    return run


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "172.17.0.2", "192.168.1.7", "fd00::1", "fe80::1%eth0", "::1"])
def test_a_server_on_this_machine_or_in_a_private_network(signing_in, at, address):
    at(address)
    accepted, _ = signing_in(host="any.name", tls=unverified.context(), development="RDSPOOL_DEVELOPMENT")
    assert accepted


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001:80b::200e"])
def test_a_server_with_a_public_address_is_sent_nothing(signing_in, at, address):
    at(address)
    with pytest.raises(unverified.NotForDevelopmentError, match=f"public address {address}"):
        signing_in(tls=unverified.context(), development="RDSPOOL_DEVELOPMENT")
    stream, server = signing_in.made[0]
    stream.close()
    server.wait()
    assert server.received == []


@pytest.mark.parametrize("names", [["db.c1abc.eu-central-1.rds.amazonaws.com"], ["db.c1abc.rds.cn-north-1.amazonaws.com.cn"]])
def test_a_server_with_the_certificate_of_an_rds_endpoint_is_sent_no_login(signing_in, at, certificates, names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.issue(names))
    with pytest.raises(InterfaceError, match="leads to an RDS endpoint"):
        signing_in(context=context, tls=unverified.context(), development="RDSPOOL_DEVELOPMENT")
    stream, server = signing_in.made[0]
    stream.close()
    server.wait()
    assert len(server.received) == 1  # the request for TLS


def test_a_token_is_not_sent_to_a_server_that_nobody_has_verified(signing_in, plain):
    for run in (
        lambda: signing_in(tls=unverified.context(), development="RDSPOOL_DEVELOPMENT", token=True),
        lambda: plain([READ], token=True),
    ):
        with pytest.raises(NotSupportedError, match="verified servers only"):
            run()
    assert plain.received == []


@pytest.mark.parametrize("plugin", ["sha256_password", "mysql_clear_password"])
def test_nothing_is_sent_in_clear_without_tls(plain, plugin):
    with pytest.raises(NotSupportedError, match="in clear"):
        plain([READ, auth_switch(plugin), READ])
    assert len(plain.received) == 1
    assert TEXT.encode() not in plain.received[0]


def test_the_password_is_encrypted_for_the_servers_key(plain):
    assert plain([READ, ASK_FOR_ALL, READ, public(KEY), READ, ok()])
    _, request, sent = plain.received
    assert request == b"\x02"
    assert decrypted(sent, NONCE) == TEXT.encode() + b"\0"


def test_the_nonce_is_that_of_the_last_plugin(plain):
    other = bytes(range(50, 70))
    assert plain([READ, auth_switch("caching_sha2_password") + other + b"\0", READ, ASK_FOR_ALL, READ, public(KEY), READ, ok()])
    assert decrypted(plain.received[-1], other) == TEXT.encode() + b"\0"


@pytest.mark.parametrize("answer", [b"\x01no key", public(ec.generate_private_key(ec.SECP256R1())), b"", refusal(1045)])
def test_what_is_no_rsa_key_gets_no_password(plain, answer):
    with pytest.raises(Error) as caught:
        plain([READ, ASK_FOR_ALL, READ, answer, READ])
    assert plain.received[1:] == [b"\x02"]
    assert not found_in(caught.value, [TEXT])


def test_without_cryptography_the_password_is_not_sent(plain, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(NotSupportedError, match="pip install cryptography"):
        plain([READ, ASK_FOR_ALL, READ])
    assert len(plain.received) == 1
