"""TLS contexts: made once per set of certificate authorities, always verifying the certificate and the name."""

from __future__ import annotations

import ssl
import threading

from ..errors import SettingsError

_contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
_lock = threading.Lock()


def context(files: tuple[str, ...]) -> ssl.SSLContext:
    """Return the process's TLS context with the authorities of these PEM files and no others.

    Raises SettingsError for a file that holds no certificate.
    """
    with _lock:
        kept = _contexts.get(files)
        if kept is None:
            kept = _contexts[files] = _new(files)
        return kept


def after_fork() -> None:
    """In the child of a fork: another thread of the parent's may have held the lock."""
    global _lock
    _lock = threading.Lock()


def _new(files: tuple[str, ...]) -> ssl.SSLContext:
    # PROTOCOL_TLS_CLIENT sets CERT_REQUIRED and check_hostname; nothing in rdspool turns them off.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    for file in files:
        try:
            made.load_verify_locations(cafile=file)
        except (ssl.SSLError, OSError) as error:
            raise SettingsError(f"RDSPOOL_CA is {file!r}, which can't be read as a PEM file of certificates: {error}") from None
    return made
