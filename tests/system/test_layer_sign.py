"""Signing and checking, with keys made here: by openssl's command as cosign's would be called, and by the command line."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from layers import HERE, LayerOf

from layer import matrix
from layer.__main__ import main
from layer.building import archive, assemble
from layer.errors import LayerError
from layer.evidence.signature import Hook, check, sign_all
from local.cache import cache_dir

NAME = f"rdspool-python{HERE}-x86_64.zip"
OPENSSL = "openssl dgst -sha256 -sign {key} -out {{signature}} {{file}}"
KEYS = {
    "ecdsa": (lambda: ec.generate_private_key(ec.SECP256R1()), OPENSSL),
    "rsa": (lambda: rsa.generate_private_key(65537, 2048), OPENSSL),
    "rsa-pss": (lambda: rsa.generate_private_key(65537, 2048), OPENSSL.replace("-sign", "-sigopt rsa_padding_mode:pss -sign")),
    "ed25519": (ed25519.Ed25519PrivateKey.generate, "openssl pkeyutl -sign -rawin -inkey {key} -in {{file}} -out {{signature}}"),
}


def written(key, folder: Path) -> tuple[Path, bytes]:
    private = folder / "key.pem"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return private, key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(b"a zip")
    path.with_suffix(".cdx.json").write_text("{}")
    path.with_suffix(".provenance.json").write_text("{}")
    return path


@pytest.mark.parametrize("kind", KEYS)
def test_a_signature_by_openssl_holds_for_its_key_and_bytes_alone(kind: str, zipped: Path, tmp_path: Path) -> None:
    make, command = KEYS[kind]
    private, public = written(make(), tmp_path)
    made = sign_all(zipped, Hook(command.format(key=shlex.quote(str(private)))))
    assert [path.name for path in made] == [f"{NAME}.sig", f"{NAME[:-4]}.cdx.json.sig", f"{NAME[:-4]}.provenance.json.sig"]
    assert check(zipped, public) is None
    _, other = written(make(), tmp_path)
    assert "does not match the signature in" in (check(zipped, other) or "")
    zipped.write_bytes(b"another zip")
    assert "does not match the signature in" in (check(zipped, public) or "")


def test_a_signature_in_base64_as_cosign_writes_it(zipped: Path, tmp_path: Path) -> None:
    private, public = written(ec.generate_private_key(ec.SECP256R1()), tmp_path)
    pipe = f"openssl dgst -sha256 -sign {private} {{file}} | base64 -w0 > {{signature}}"
    [signature] = Hook(f"sh -c {shlex.quote(pipe)}").sign(zipped)
    base64.b64decode(signature.read_text(), validate=True)
    assert check(zipped, public) is None


def test_signature_and_bundle_both_where_the_command_names_both(zipped: Path) -> None:
    made = Hook("sh -c 'echo s > {signature}; echo b > {bundle}' {file}").sign(zipped)
    assert [(path.name, path.read_text()) for path in made] == [(f"{NAME}.sig", "s\n"), (f"{NAME}.bundle", "b\n")]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("cosign sign-blob {signature}", "needs {file}, and {signature} or {bundle} or both: such as 'cosign sign-blob"),
        ("cosign sign-blob {file}", "needs {file}"),
        ("sh -c 'unfinished {file} {signature}", "is not a valid command line"),
        ("no-such-program {file} {signature}", f"{NAME} is not signed: no-such-program can't be run: No such file or directory"),
        ("sh -c 'echo half > {signature}; exit 7' {file}", f"{NAME} is not signed: sh ended with status 7"),
        ("true {file} {signature}", f"did not write {{signature}} for {NAME}"),
    ],
)
def test_a_command_that_does_not_sign_leaves_nothing(zipped: Path, command: str, words: str) -> None:
    before = sorted(zipped.parent.iterdir())
    with pytest.raises(LayerError) as refused:
        Hook(command).sign(zipped)
    assert words in str(refused.value)
    assert sorted(zipped.parent.iterdir()) == before


def test_a_key_that_cannot_check_is_reported(zipped: Path, tmp_path: Path) -> None:
    assert "has no signature" in (check(zipped, b"") or "")
    zipped.with_name(f"{NAME}.sig").write_bytes(b"s")
    with pytest.raises(LayerError, match="the public key cannot be read"):
        check(zipped, b"ssh-ed25519 AAAA")
    _, public = written(x25519.X25519PrivateKey.generate(), tmp_path)
    with pytest.raises(LayerError, match="neither Ed25519, ECDSA nor RSA"):
        check(zipped, public)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layer", *map(str, arguments)]
    variables = os.environ | {"RDSLOCAL_CACHE": str(cache_dir())}
    return subprocess.run(command, cwd=matrix.PROJECT, env=variables, capture_output=True, text=True, check=False)


def test_build_and_sign_and_verify_by_the_command_line(layer_of: LayerOf, tmp_path: Path) -> None:
    for path in layer_of("x86_64").parent.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    copy = tmp_path / NAME
    private, public = written(ec.generate_private_key(ec.SECP256R1()), tmp_path)
    (tmp_path / "key.pub").write_bytes(public)
    signed = run("sign", copy, "--with", OPENSSL.format(key=private))
    assert signed.returncode == 0, signed.stderr
    assert signed.stdout.splitlines()[0] == f"{copy}.sig"
    verified = run("verify", copy, "--key", tmp_path / "key.pub", "--interpreter", sys.executable)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.count(": signed with the key of ") == 3
    assert verified.stdout.endswith(": the same bytes\n")
    provenance = copy.with_suffix(".provenance.json")
    provenance.write_text(json.dumps(json.loads(provenance.read_text())))
    refused = run("verify", copy, "--key", tmp_path / "key.pub", "--interpreter", sys.executable)
    assert refused.returncode == 1
    assert f"{provenance} does not match the signature in" in refused.stderr.replace("\n", " ")


def test_a_build_signs_what_it_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble.archive, "pack", partial(archive.pack, level=6))
    options = ["--no-docker", "--python", HERE, "--interpreter", sys.executable, "--output", str(tmp_path / "dist")]
    built = CliRunner().invoke(
        main, ["build", *options, "--sign-with", "cp {file} {signature}", "--builder-id", "https://example.com/builder"]
    )
    assert built.exit_code == 0, built.stderr
    names = [NAME, *(f"{NAME[:-4]}{suffix}" for suffix in (".cdx.json", ".provenance.json"))]
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == sorted(
        [*names, *(f"{n}.sig" for n in names), f"{NAME[:-4]}.json"]
    )
    statement = json.loads((tmp_path / "dist" / names[2]).read_text())
    assert statement["predicate"]["runDetails"]["builder"] == {"id": "https://example.com/builder"}
    early = CliRunner().invoke(main, ["build", *options, "--sign-with", "cp"])
    assert early.exit_code == 1
    assert "needs {file}" in early.stderr
