"""A certificate authority and server certificates for arbitrary names, only for tests and local/.

The certificates satisfy the strict rules of RFC 5280 that Python 3.13 and later check by default (ssl.VERIFY_X509_STRICT).
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .cache import locked
from .errors import LocalError

_CA_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=90)
# A cached certificate is reused only if it is valid for longer than any test run.
_REMAINING = timedelta(days=7)
# The clocks of containers and virtual machines may be late: they would reject a certificate that is valid only from now on.
_BACKDATED = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder. `ca` is the path of its certificate (PEM), which clients must trust."""

    directory: Path
    ca: Path
    _key: ec.EllipticCurvePrivateKey = field(repr=False)
    _certificate: x509.Certificate = field(repr=False)

    def issue(self, names: Sequence[str], expired: bool = False) -> tuple[Path, Path]:
        """Return the paths of a server certificate (followed by its issuer) and of its key, both PEM, EC P-256.

        `names` are host names, including wildcards, or IP addresses. An `expired` certificate expired an hour ago. The files are in the
        authority's folder and are reused for the same arguments while they are valid.
        """
        if not names:
            raise ValueError("a certificate needs at least one name")
        stem = "server-" + hashlib.sha256(repr((sorted(names), expired)).encode()).hexdigest()[:12]
        path, key_path = self.directory / f"{stem}.pem", self.directory / f"{stem}.key"
        with locked(path):
            if not self._is_good(path, key_path, expired):
                certificate, key = self._make(names, expired)
                _write(key_path, _pem(key), 0o600)
                _write(path, certificate.public_bytes(Encoding.PEM) + self._certificate.public_bytes(Encoding.PEM), 0o644)
        return path, key_path

    def _is_good(self, path: Path, key_path: Path, expired: bool) -> bool:
        if not (path.exists() and key_path.exists()):
            return False
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = load_pem_private_key(key_path.read_bytes(), None)
        return (
            certificate.public_key() == key.public_key()
            and certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
            == x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
            and (expired or certificate.not_valid_after_utc > datetime.now(UTC) + _REMAINING)
        )

    def _make(self, names: Sequence[str], expired: bool) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        end = now - timedelta(hours=1) if expired else now + _LIFE
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            # A common name has at most 64 characters, and an endpoint's name can be longer. Clients check the alternative names.
            _builder(
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]),
                self._certificate.subject,
                key,
                end - _LIFE - _BACKDATED,
                end,
            )
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate, key


def authority(directory: Path | str) -> Authority:
    """Return the certificate authority in `directory` (ca.pem and ca.key). It is created on the first call and after it has expired.

    Raise LocalError when ca.key is not an EC key.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    with locked(ca):
        if ca.exists() and ca_key.exists():
            certificate = x509.load_pem_x509_certificate(ca.read_bytes())
            key = load_pem_private_key(ca_key.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise LocalError(
                    f"{ca_key} is not an EC key, so this module did not create it: name another folder, or remove {ca} and {ca_key}."
                )
            if certificate.not_valid_after_utc > datetime.now(UTC) + _LIFE and certificate.public_key() == key.public_key():
                return Authority(directory, ca, key, certificate)
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        # With equal names, OpenSSL would confuse two authorities and report a bad signature instead of an unknown issuer.
        serial = hashlib.sha256(_pem(key)).hexdigest()[:8]
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"rdspool local test authority {serial}")])
        certificate = (
            _builder(name, name, key, now - _BACKDATED, now + _CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(ca_key, _pem(key), 0o600)
        _write(ca, certificate.public_bytes(Encoding.PEM), 0o644)
    return Authority(directory, ca, key, certificate)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(
            subject_name=subject, issuer_name=issuer, public_key=key.public_key(), serial_number=x509.random_serial_number()
        )
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write the file atomically. It never has other permissions than `mode`, so a key is never readable by other users."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    new.replace(path)
