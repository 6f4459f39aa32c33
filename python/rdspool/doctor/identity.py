"""The step "principal": whose the credentials are, as STS says, and what time it is there. STS need not be in reach: then the step is skipped."""

from __future__ import annotations

from .patient import Patient
from .question import Question
from .step import FAILED, OK, Finding, skipped


def learn(patient: Patient, *, wait: bool) -> Question | None:
    """Note what STS has answered, and return the question; None where nothing was asked or no answer is there. With `wait`, wait for it."""
    question = patient.question
    if question is None:
        return None
    if wait:
        question.wait()
    if question.status is None:
        return None
    patient.skew = question.ahead
    if question.status == 200 and question.element("Arn"):
        patient.principal, patient.account = question.element("Arn"), question.element("Account") or patient.account
    elif question.status in (400, 401, 403) and question.element("Code"):
        patient.refused = f"{question.element('Code')}: {question.element('Message')}"
    return question


def look(patient: Patient) -> Finding:
    """Take the answer of STS."""
    asked, question = patient.question, learn(patient, wait=True)
    if asked is None:
        return skipped("no AWS credentials sign in")
    if question is None:
        usual = "That is usual in a VPC without a NAT gateway and without an endpoint for STS, and no error. " if asked.unreachable else ""
        return skipped(f"STS was asked whose credentials these are, and {asked.failure}. {usual}Only this step needs STS")
    facts = {"endpoint": question.endpoint, "status": question.status}
    if patient.principal is not None:
        return Finding(
            OK, f"the credentials are those of {patient.principal}", {**facts, "arn": patient.principal, "account": patient.account}
        )
    if patient.refused is None:
        return skipped(f"STS at {question.endpoint} answers with status {question.status}, which says nothing of the credentials")
    assert patient.credentials is not None
    code = question.element("Code") or ""
    fix = {
        "ExpiredToken": "The session is over: get new credentials (aws sso login, or assume the role again)",
        "InvalidClientTokenId": "The access key does not exist, was deleted, or has no or another AWS_SESSION_TOKEN: get new credentials",
        "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID, or the clock here is wrong: get both anew",
    }
    return Finding(
        FAILED,
        f"STS refuses the credentials {patient.credentials.access_key}",
        {**facts, "code": code, "message": question.element("Message")},
        cause=patient.refused,
        fix=[fix.get(code, "Get new credentials")],
    )
