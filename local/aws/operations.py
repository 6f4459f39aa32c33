"""Find the service, region and operation of a signed request, from its signature and botocore's models."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import botocore.session
from botocore.model import OperationModel

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_MEMBER = re.compile(r"\{[^}]+\}|[^{}]+")


@dataclass(frozen=True)
class Asked:
    """The call that a request makes. `key` is the access key's id. Unknown values are empty strings."""

    key: str
    region: str
    service: str
    operation: str


def identify(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Asked:
    """Return the call that a request makes."""
    scope = _SCOPE.search(headers.get("Authorization", ""))
    key, region, service = scope.groups() if scope else ("", "", "")
    path, _, query = target.partition("?")
    return Asked(key, region, service, _operation(service, method, path, query, headers, body))


def _operation(service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    if name := headers.get("X-Amz-Target"):
        return name.rpartition(".")[2]
    form = urllib.parse.parse_qs(body.decode("utf-8", "replace")) if b"Action=" in body[:10_000] else {}
    if "Action" in form:
        return form["Action"][0]
    given = urllib.parse.parse_qs(query, keep_blank_values=True).keys() | {name.lower() for name in headers}
    for name, verb, pattern, needed in _routes(service):
        if verb == method and pattern.fullmatch(path) and needed <= given:
            return name
    return ""


@cache
def _routes(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[str]]]:
    if not service:
        return []
    model = botocore.session.get_session().get_service_model(service)
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        needed = urllib.parse.parse_qs(query, keep_blank_values=True).keys() | _headers(operation)
        routes.append((name, operation.http["method"], re.compile(_MEMBER.sub(_member, path) + "/?"), frozenset(needed)))
    # If several match, the one with the most required parts is right: a copy is a put with one more header.
    return sorted(routes, key=lambda route: -len(route[3]))


def _headers(operation: OperationModel) -> set[str]:
    shape = operation.input_shape
    members = [shape.members[name].serialization for name in shape.required_members] if shape else []
    return {member["name"].lower() for member in members if member.get("location") == "header"}


def _member(part: re.Match[str]) -> str:
    text = part.group()
    if not text.startswith("{"):
        return re.escape(text)
    # {Key+} also matches slashes.
    return ".+" if text.endswith("+}") else "[^/]+"
