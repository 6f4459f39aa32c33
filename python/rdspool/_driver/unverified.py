"""A database of one's own, for development only: its certificate is one that it made itself, or it has no TLS.

Nothing here is imported where the server is verified.
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
from typing import Final

from mysql.connector.errors import InterfaceError, NotSupportedError

from ..secret import Secret
from .error_numbers import TLS_FAILED
from .packets import ERR, PacketStream
from .payload import ended_by_nul, malformed
from .responses import parse_error

logger: Final = logging.getLogger("rdspool")

_OF_RDS: Final = b".rds."
"""What stands in the names of each RDS endpoint, in every partition, and so in its certificate."""
_REQUEST_KEY: Final = b"\x02"
"""What caching_sha2_password asks the server's public key with."""


class NotForDevelopmentError(InterfaceError):
    """RDSPOOL_DEVELOPMENT is set, and the server is one that has to be verified."""


def context() -> ssl.SSLContext:
    """Return a TLS context that verifies nothing."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def secure(stream: PacketStream, request: bytes | None, context: ssl.SSLContext, name: str) -> None:
    """Begin TLS by sending `request`, None where the server offers none, and log what is not verified.

    Raises NotForDevelopmentError for a server that has to be verified, InterfaceError where TLS fails.
    """
    address, _ = stream.ends
    if ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise NotForDevelopmentError(
            f"{stream.address} has the public address {address}, and RDSPOOL_DEVELOPMENT verifies no server: it is for databases on this machine and "
            "in private networks",
            errno=TLS_FAILED,
        )
    if request is not None:
        stream.send(request)
        stream.start_tls(context, None, name)
    _warn(stream)


def _warn(stream: PacketStream) -> None:
    """Log what is not verified, at each connect. Raises NotForDevelopmentError where the certificate is that of an RDS endpoint."""
    if isinstance(stream.socket, ssl.SSLSocket):
        if _OF_RDS in (stream.socket.getpeercert(binary_form=True) or b""):
            raise NotForDevelopmentError(
                f"{stream.address} leads to an RDS endpoint, as its certificate says, and RDSPOOL_DEVELOPMENT is for databases of your own: leave it out",
                errno=TLS_FAILED,
            )
        without = "its certificate and its name are NOT verified, so whoever stands between reads and changes everything, the password too"
    else:
        without = "it offers NO TLS: who it is is not verified, and whoever stands between reads and changes all statements and rows, and what signs in"
    logger.warning("RDSPOOL_DEVELOPMENT: a connection to %s, but %s. Never use this with data that matters.", stream.address, without)


def send_encrypted(stream: PacketStream, secret: Secret, nonce: bytes) -> None:
    """Send the password as caching_sha2_password does without TLS: encrypted for the server's public key (RSA).

    Source: MySQL's protocol documentation, "caching_sha2_password information". Raises NotSupportedError without the package cryptography.
    """
    try:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise NotSupportedError(
            "the server has no TLS, and has not seen this password since it started, so it asks for it encrypted with RSA, which Python's standard "
            "library can't: pip install cryptography, or let the server offer TLS (MySQL does, unless it was told not to)"
        ) from None
    stream.send(_REQUEST_KEY)
    answer = stream.receive()
    if answer[:1] == bytes((ERR,)):
        raise parse_error(answer)
    try:
        key = load_pem_public_key(answer[1:])
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise malformed("an answer to the request for the public key", answer, "it is no RSA key")
    text = ended_by_nul(secret.reveal(), "password")
    mixed = bytes(byte ^ nonce[at % len(nonce)] for at, byte in enumerate(text))
    # SHA-1 is the protocol's choice.
    stream.send(key.encrypt(mixed, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)))  # noqa: S303
