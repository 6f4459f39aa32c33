"""The test authority's certificates, as TLS clients see them: verified by real handshakes."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from local.certificates import Authority, authority

NAME = "orders.cluster-c0ffee000000.eu-central-1.rds.amazonaws.com"


@pytest.fixture
def trusted(tmp_path: Path) -> Authority:
    return authority(tmp_path / "ca")


def shake(ca: Path, pair: tuple[Path, Path], name: str) -> None:
    """Do a TLS handshake in memory, with the strict checks that Python 3.13 turned on by default."""
    client_context = ssl.create_default_context(cafile=ca)
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(*pair)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
        if not waiting:
            return
    raise AssertionError("the handshake did not end")


@pytest.mark.parametrize("name", [NAME, "127.0.0.1", "::1", "localhost"])
def test_a_certificate_is_accepted_for_each_of_its_names(trusted: Authority, name: str) -> None:
    shake(trusted.ca, trusted.issue([NAME, "localhost", "127.0.0.1", "::1"]), name)


def test_a_name_longer_than_a_common_name_is_accepted(trusted: Authority) -> None:
    name = "a" * 60 + "." + NAME
    shake(trusted.ca, trusted.issue([name]), name)


def test_a_wildcard_is_accepted(trusted: Authority) -> None:
    shake(trusted.ca, trusted.issue(["*.eu-central-1.rds.amazonaws.com"]), "db.eu-central-1.rds.amazonaws.com")


def test_another_name_is_refused(trusted: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(trusted.ca, trusted.issue([NAME]), "other.eu-central-1.rds.amazonaws.com")


def test_an_expired_certificate_is_refused(trusted: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        shake(trusted.ca, trusted.issue([NAME], expired=True), NAME)
    shake(trusted.ca, trusted.issue([NAME]), NAME)


def test_another_authority_is_refused(trusted: Authority, tmp_path: Path) -> None:
    other = authority(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get (local )?issuer certificate|self-signed certificate"):
        shake(other.ca, trusted.issue([NAME]), NAME)


def test_an_authority_and_its_certificates_are_kept(trusted: Authority) -> None:
    first = trusted.issue([NAME])
    before = first[0].read_bytes()
    again = authority(trusted.directory)
    assert again.ca.read_bytes() == trusted.ca.read_bytes()
    assert again.issue([NAME])[0].read_bytes() == before
    assert trusted.issue(["other"]) != first


def test_a_certificate_is_made_again_when_the_authority_was_lost(trusted: Authority) -> None:
    trusted.issue([NAME])
    trusted.ca.unlink()
    new = authority(trusted.directory)
    shake(new.ca, new.issue([NAME]), NAME)


def test_keys_are_private(trusted: Authority) -> None:
    _, key = trusted.issue([NAME])
    for path in (key, trusted.directory / "ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "EllipticCurve" not in repr(trusted)


def test_extensions_of_a_server_certificate(trusted: Authority) -> None:
    certificate = x509.load_pem_x509_certificate(trusted.issue([NAME])[0].read_bytes())
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    root = x509.load_pem_x509_certificate(trusted.ca.read_bytes())
    identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == identifier


def test_no_name_is_an_error(trusted: Authority) -> None:
    with pytest.raises(ValueError, match="at least one name"):
        trusted.issue([])
