"""Grants of a layer version (to an account, an organisation or everybody), and the policy that contains them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..errors import LayerError

ACTION = "lambda:GetLayerVersion"


@dataclass(frozen=True, order=True)
class Grant:
    """The right to use a layer version. `kind` is account, organization or public; `who` is the id, empty for public."""

    kind: str
    who: str = ""

    @classmethod
    def parse(cls, text: str) -> Grant:
        """Return the grant for `public`, an account's 12 digits or an organisation's id. Raise LayerError for another text."""
        if text == "public":
            return cls("public")
        if re.fullmatch(r"\d{12}", text):
            return cls("account", text)
        if re.fullmatch(r"o-[a-z0-9]{10,32}", text):
            return cls("organization", text)
        raise LayerError(
            f"{text!r} is not a valid grantee: give public, an account's 12 digits, or an organisation's id such as o-a1b2c3d4e5"
        )

    def __str__(self) -> str:
        return self.who or self.kind

    @property
    def statement_id(self) -> str:
        """The id of its policy statement. The same grant has the same id in every version and region."""
        return f"{self.kind}-{self.who}" if self.who else self.kind

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments of AddLayerVersionPermission."""
        organization = {"OrganizationId": self.who} if self.kind == "organization" else {}
        principal = self.who if self.kind == "account" else "*"
        return {"StatementId": self.statement_id, "Action": ACTION, "Principal": principal, **organization}


@dataclass(frozen=True)
class Policy:
    """The policy of a version: its grants by statement id, and the ids of the other statements."""

    grants: dict[str, Grant]
    others: frozenset[str] = frozenset()

    @classmethod
    def read(cls, document: str | None) -> Policy:
        """Return the policy of the JSON that GetLayerVersionPolicy returns; None means that the version has no policy."""
        grants, others = {}, set()
        for statement in json.loads(document)["Statement"] if document else []:
            if grant := _grant(statement):
                grants[statement["Sid"]] = grant
            else:
                others.add(statement["Sid"])
        return cls(grants, frozenset(others))

    def granted(self) -> frozenset[Grant]:
        """Return the grants."""
        return frozenset(self.grants.values())

    def ids(self, grant: Grant) -> list[str]:
        """Return the ids of the statements with this grant."""
        return sorted(sid for sid, granted in self.grants.items() if granted == grant)


def _grant(statement: dict[str, Any]) -> Grant | None:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    if statement["Effect"] != "Allow" or ACTION not in actions:
        return None
    principal, condition = statement["Principal"], statement.get("Condition")
    if isinstance(principal, dict):
        principal = principal.get("AWS")
    if principal == "*" and not condition:
        return Grant("public")
    if principal == "*" and condition:
        organization = condition.get("StringEquals", {}).get("aws:PrincipalOrgID") if len(condition) == 1 else None
        return Grant("organization", organization) if isinstance(organization, str) else None
    account = re.fullmatch(r"(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?", principal) if isinstance(principal, str) else None
    return Grant("account", account[1]) if account and not condition else None
