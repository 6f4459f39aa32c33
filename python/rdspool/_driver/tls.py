"""TLS contexts: made once per set of certificate authorities, always verifying the certificate and the name."""

from __future__ import annotations

import os
import ssl
import threading
from typing import Final

from ..errors import SettingsError

_Identity = tuple[tuple[int, ...], ...]

_contexts: Final[dict[tuple[str, ...], tuple[_Identity, ssl.SSLContext]]] = {}
"""Per names of files, what these files were and the context made of them."""
_lock = threading.Lock()


def context(files: tuple[str, ...]) -> ssl.SSLContext:
    """Return the process's TLS context with the authorities of these PEM files and no others.

    Files are known by what they are, not by their names: one that was replaced, or that a relative name means since the working directory
    has changed, is read. That is a stat() per file, some 2 us.

    Raises SettingsError for a file that holds no certificate.
    """
    identity = tuple(map(_identity, files))
    with _lock:
        kept = _contexts.get(files)
        if kept is None or kept[0] != identity:
            # Where a file is replaced between the look at it and the reading of it, the next call sees that it is another one.
            kept = _contexts[files] = (identity, _new(files))
        return kept[1]


def after_fork() -> None:
    """In the child of a fork: another thread of the parent's may have held the lock."""
    global _lock
    _lock = threading.Lock()


def _identity(file: str) -> tuple[int, ...]:
    try:
        found = os.stat(file)
    except OSError as error:
        raise _unreadable(file, error) from None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _new(files: tuple[str, ...]) -> ssl.SSLContext:
    # PROTOCOL_TLS_CLIENT sets CERT_REQUIRED and check_hostname; nothing that signs in turns them off (doctor/certificate.py looks only).
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # The names that count are the alternative ones, as everywhere today: an authority need not check a common name.
    made.hostname_checks_common_name = False
    # The rules of RFC 5280, as create_default_context() has them since Python 3.13. The roots of RDS and of RDS Proxy keep to them.
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    for file in files:
        try:
            made.load_verify_locations(cafile=file)
        except (ssl.SSLError, OSError) as error:
            raise _unreadable(file, error) from None
    return made


def _unreadable(file: str, error: OSError) -> SettingsError:
    return SettingsError(f"{file!r} can't be read as a PEM file of certificates: {error}")
