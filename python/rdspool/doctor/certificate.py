"""A certificate that was refused: whose it is, who signed it and when it ends.

The ssl module shows the contents of verified certificates only. So this looks at the certificate over connections of its own, which send
nothing but the request for TLS: no token, no password and no statement.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

from mysql.connector.constants import ClientFlag
from mysql.connector.errors import Error

from .._driver.packets import PacketStream
from .._driver.sign_in import CAPABILITIES, PROTOCOL_41, receive_greeting, request_tls
from .._driver.transport import connect
from ..deadlines import Limit
from ..settings import Settings

ASKED: Final = CAPABILITIES | ClientFlag.PLUGIN_AUTH | ClientFlag.SSL | PROTOCOL_41
"""The capabilities that a request for TLS carries."""
_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME (x509_vfy.h)."""


def presented(settings: Settings, limit: Limit) -> dict[str, Any]:
    """Return the fields of the certificate that the server presents, unverified; nothing where it can't be read."""
    der = _handshake(settings, limit, _blind(), binary=True)
    if not der:
        return {}
    # The certificate itself as the only authority: then the ssl module takes it for verified, and shows what is in it.
    itself = _blind()
    itself.verify_mode = ssl.CERT_REQUIRED
    itself.verify_flags = ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    itself.load_verify_locations(cadata=der)
    read = _handshake(settings, limit, itself, binary=False)
    return fields(read) if read else {}


def fields(certificate: Any) -> dict[str, Any]:
    """Return what is of interest of a certificate, as `getpeercert()` or `get_ca_certs()` give it."""
    return {
        "names": [value for _, value in certificate.get("subjectAltName", ())],
        "subject": _name(certificate.get("subject", ())),
        "issuer": _name(certificate.get("issuer", ())),
        "begins": certificate.get("notBefore"),
        "ends": certificate.get("notAfter"),
    }


def _name(parts: Any) -> str:
    """Return a distinguished name's common name, or all of it where it has none."""
    pairs = [pair for part in parts for pair in part]
    common = [value for key, value in pairs if key == "commonName"]
    return common[0] if common else ", ".join(f"{key}={value}" for key, value in pairs)


def _blind() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _handshake(settings: Settings, limit: Limit, context: ssl.SSLContext, *, binary: bool) -> Any:
    """Return the certificate that the peer presents in a handshake, in DER or as fields; None where there is none."""
    stream = None
    try:
        stream = PacketStream(connect(settings.host, settings.port, limit), settings.host, settings.port)
        stream.waiting.limit(limit)
        request_tls(stream, receive_greeting(stream), ASKED)
        stream.start_tls(context, None, settings.own_name)
        assert isinstance(stream.socket, ssl.SSLSocket)
        return stream.socket.getpeercert(binary_form=binary)
    except (Error, OSError):
        return None
    finally:
        if stream is not None:
            stream.close()
