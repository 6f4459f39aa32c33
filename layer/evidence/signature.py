"""Detached signatures beside a layer. A command of the user (cosign, openssl, the tool of an HSM) signs; a public key verifies.

This process never reads a private key.
"""

from __future__ import annotations

import base64
import binascii
import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ..errors import LayerError
from .writing import beside

SIGNATURE, BUNDLE = ".sig", ".bundle"
_OUTPUTS = {"signature": SIGNATURE, "bundle": BUNDLE}
_USAGE = "such as 'cosign sign-blob --yes --key cosign.key --output-signature {signature} {file}'"


@dataclass(frozen=True)
class Hook:
    """A command that signs one file. {file} is replaced by the file's path, {signature} and {bundle} by the paths that it must write.

    Raise LayerError when the command has no {file}, or neither {signature} nor {bundle}.
    """

    command: str
    words: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise LayerError(f"the signing command {self.command!r} is not a valid command line ({error}): write one {_USAGE}") from error
        if "{file}" not in self.command or not any(f"{{{name}}}" in self.command for name in _OUTPUTS):
            raise LayerError(f"the signing command {self.command!r} needs {{file}}, and {{signature}} or {{bundle}} or both: {_USAGE}")
        object.__setattr__(self, "words", words)

    def sign(self, path: Path) -> list[Path]:
        """Sign `path` and return the files written beside it (FILE.sig, FILE.bundle).

        Raise LayerError, and write nothing, when the command fails or does not write its files.
        """
        wanted = {name: suffix for name, suffix in _OUTPUTS.items() if f"{{{name}}}" in self.command}
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".signing-") as folder:
            made = {name: Path(folder, path.name + suffix) for name, suffix in wanted.items()}
            values = {"file": str(path), **{name: str(part) for name, part in made.items()}}
            _run([_filled(word, values) for word in self.words], path)
            for name, part in made.items():
                if not part.is_file() or not part.stat().st_size:
                    raise LayerError(
                        f"the signing command succeeded but did not write {{{name}}} for {path.name}: check where it writes it"
                    )
            return [part.replace(path.with_name(part.name)) for part in made.values()]


def _filled(word: str, values: dict[str, str]) -> str:
    # Not str.format: a command may contain other braces.
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _run(words: list[str], path: Path) -> None:
    try:
        # stdin and stderr stay the terminal's, because the command may ask for a passphrase. stdout is for the results of this program.
        result = subprocess.run(words, stdout=subprocess.PIPE)
    except OSError as error:
        raise LayerError(f"{path.name} is not signed: {words[0]} can't be run: {error.strerror}; install it or name another") from error
    if result.returncode:
        raise LayerError(f"{path.name} is not signed: {words[0]} ended with status {result.returncode} (its reason is above)")


def sign_all(zipped: Path, hook: Hook) -> list[Path]:
    """Sign a zip, its SBOM and its provenance, and return the written files. Raise LayerError when the command fails."""
    return [made for path in (zipped, *beside(zipped)) for made in hook.sign(path)]


def check(path: Path, key: bytes, signature: Path | None = None) -> str | None:
    """Return why the signature of `path` is not valid for the public key `key` (PEM), or None when it is valid.

    `signature` is the file of the signature (default: FILE.sig), raw or in base64. The key is Ed25519, or ECDSA or RSA with SHA-256.
    Raise LayerError for another kind of key.
    """
    place = signature or path.with_name(path.name + SIGNATURE)
    try:
        made = place.read_bytes()
    except OSError as error:
        return f"has no signature: {place} cannot be read: {error.strerror}"
    try:
        _verify(key, _decoded(made), path.read_bytes())
    except InvalidSignature:
        return f"does not match the signature in {place.name} with this key: do not use the file, or check the key"
    return None


def _decoded(signature: bytes) -> bytes:
    try:
        return base64.b64decode(signature.strip(), validate=True)
    except binascii.Error:
        return signature


def _verify(key: bytes, signature: bytes, data: bytes) -> None:
    try:
        public = load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise LayerError(f"the public key cannot be read: {error}; give a PEM file that begins with BEGIN PUBLIC KEY") from error
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, data)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    elif isinstance(public, rsa.RSAPublicKey):
        try:
            public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            public.verify(signature, data, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO), hashes.SHA256())
    else:
        raise LayerError("the public key is neither Ed25519, ECDSA nor RSA: give one of those")
