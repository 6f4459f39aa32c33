"""The step "tls": the handshake, the certificate's chain and name, and the ends of it and of the roots."""

from __future__ import annotations

import ssl
import time
from typing import Any, Final

from mysql.connector.errors import Error

from .. import _login
from .._aws import diagnosis
from .._aws.authorities import root_files
from .._aws.endpoints import region_of
from .._driver import tls
from .._driver.packets import PacketStream
from .._driver.sign_in import request_tls, secure_unverified
from ..deadlines import Limit
from ..errors import SettingsError
from ..settings import Settings
from .certificate import ASKED, fields, presented
from .patient import Patient
from .step import FAILED, OK, WARNING, Finding

SOON: Final = 30
"""Days before the end of the certificate, or of the last root, from which on the doctor warns. RDS renews a certificate by itself before."""
_DAY: Final = 24 * 60 * 60
# OpenSSL's X509_V_ERR_* numbers (x509_vfy.h).
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_NAME: Final = frozenset({62, 64})


def look(patient: Patient) -> Finding:
    """Run the handshake as each connect does: it verifies the chain and the name."""
    settings, limit, stream = patient.settings, patient.limit(), patient.stream
    assert stream is not None
    if settings.development:
        return _unverified(patient, stream, limit)
    facts: dict[str, Any] = {}
    try:
        files = root_files(settings.own_name, settings.region, settings.ca)
        context = patient.context = tls.context(files)
    except SettingsError as error:
        return Finding(FAILED, "no certificate authorities are known", cause=str(error), fix=_other_roots(settings))
    roots = [fields(root) for root in context.get_ca_certs()]
    facts["root_files"] = list(files)
    facts["roots"] = [{"subject": root["subject"], "ends": root["ends"]} for root in roots]
    try:
        stream.waiting.limit(limit)
        request_tls(stream, patient.greeting, ASKED)
        stream.start_tls(context, None, settings.own_name)
        assert isinstance(stream.socket, ssl.SSLSocket)
        secured = stream.socket
    except Error as error:
        explained = diagnosis.explain(error, settings, None, limit)
        facts["certificate"] = presented(settings, patient.limit())
        return Finding(FAILED, str(error.msg), facts, cause=explained.msg, fix=_fix(error, settings, facts))
    certificate = facts["certificate"] = fields(secured.getpeercert())
    cipher = secured.cipher()
    facts |= {"version": secured.version(), "cipher": cipher[0] if cipher else None}
    facts["days_left"] = _days_left(certificate["ends"])
    stream.close()
    found = f"{facts['version']}; the certificate for {', '.join(certificate['names'])} was signed by {certificate['issuer']} and ends in {facts['days_left']} days"
    ends = [_days_left(root["ends"]) for root in roots if root["ends"]]
    if facts["days_left"] < SOON:
        return Finding(WARNING, found, facts, cause="The certificate ends soon", fix=[_renew(settings)])
    if ends and max(ends) < SOON:
        return Finding(
            WARNING,
            found,
            facts,
            cause=f"The last of the roots in {', '.join(files)} ends in {max(ends)} days",
            fix=["Update the file of RDSPOOL_CA" if settings.ca else "Attach the newest layer version, whose roots are newer"],
        )
    return Finding(OK, found, facts)


def _unverified(patient: Patient, stream: PacketStream, limit: Limit) -> Finding:
    """Begin TLS with a database of one's own, where it offers that, and verify nothing."""
    settings = patient.settings
    context = patient.context = _login.context(settings, ())
    try:
        stream.waiting.limit(limit)
        secure_unverified(stream, patient.greeting, ASKED, context, settings.own_name)
    except Error as error:
        explained = diagnosis.explain(error, settings, None, limit)
        return Finding(FAILED, str(error.msg), cause=explained.msg, fix=["Leave RDSPOOL_DEVELOPMENT out"])
    version = stream.socket.version() if isinstance(stream.socket, ssl.SSLSocket) else None
    stream.close()
    return Finding(
        WARNING,
        f"{version}, but nobody has verified the server"
        if version
        else "the server offers no TLS: nothing is encrypted, and nobody has verified it",
        {"version": version, "verified": False},
        cause="RDSPOOL_DEVELOPMENT is set, for a database of one's own",
        fix=["python -m local up   # in rdspool's repository: a database for development that is verified"],
    )


def _days_left(end: str) -> int:
    return int((ssl.cert_time_to_seconds(end) - time.time()) // _DAY)


def _renew(settings: Settings) -> str:
    region = f" --region {settings.region}" if settings.region else ""
    return f"aws rds modify-db-instance --db-instance-identifier INSTANCE --ca-certificate-identifier rds-ca-rsa2048-g1 --apply-immediately{region}"


def _other_roots(settings: Settings) -> list[str]:
    if settings.ca:
        return [f"Give RDSPOOL_CA a PEM file of certificates, in place of {settings.ca}; for RDS leave RDSPOOL_CA out"]
    return [
        "Correct RDSPOOL_REGION, or set RDSPOOL_CA to the region's bundle: https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem"
    ]


def _fix(error: Error, settings: Settings, facts: dict[str, Any]) -> list[str]:
    cause, certificate = error.__cause__, facts["certificate"]
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return ["Check that RDSPOOL_HOST and RDSPOOL_PORT are the database's, and that the server offers TLS 1.2 or later"]
    names = [name for name in certificate.get("names", ()) if "*" not in name]
    if cause.verify_code in _WRONG_NAME:
        # The name of an RDS endpoint, where a host that has none leads to it by an alias.
        variable = "RDSPOOL_ENDPOINT" if settings.endpoint or not region_of(settings.host) else "RDSPOOL_HOST"
        return [f"{variable}={name}" for name in names] or ["Set RDSPOOL_HOST to a name that the certificate is for"]
    if cause.verify_code == _EXPIRED:
        return [_renew(settings), f"If it has not ended by another clock ({certificate.get('ends')}): correct the clock here"]
    if cause.verify_code == _NOT_YET_VALID:
        return [f"Correct the clock here: the certificate begins at {certificate.get('begins')}"]
    signer = certificate.get("issuer", "another authority")
    trusted = ", ".join(sorted({root["subject"] for root in facts["roots"]}))
    if settings.ca:
        return [
            f"Leave RDSPOOL_CA out for RDS, or give it the PEM file of {signer!r}, which signed the certificate: {settings.ca} has {trusted}"
        ]
    return [f"{signer!r} signed the certificate. If you trust it, set RDSPOOL_CA to its PEM file; if not, something stands between"]
