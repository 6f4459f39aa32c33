"""Explain errors of AWS: what failed, on which resource, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore import exceptions

from ..errors import LayerError

THROTTLES = frozenset(
    {
        "TooManyRequestsException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "ThrottledException",
        "RequestThrottled",
        "SlowDown",
        "TooManyUpdates",
    }
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidGrantException"})
_UNKNOWN_KEY = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "OptInRequired", "InvalidAccessKeyId"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"})
_BAD_SIGNATURE = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "RequestTimeTooSkewed"})
_REFUSED = re.compile(r"not authorized to perform: (?P<action>\S+?)(?: on resource: (?P<resource>\S+?))?(?:[.,;]?\s|[.,;]?$)")

_FIXES = {
    "CodeStorageExceededException": "the account's storage for functions and layers in this region is full: remove old versions with"
    " `python -m layer prune`, or ask AWS for more (Service Quotas, Lambda, function and layer storage)",
    "RequestEntityTooLargeException": "the zip is larger than Lambda accepts directly: give --bucket to upload it through S3",
    "EntityTooLarge": "the zip is larger than S3 accepts in one request",
    "PolicyLengthExceededException": "the policy of the version is full (20 KB): share with an organisation instead of single accounts",
    "NoSuchBucket": "the bucket does not exist: create it in this region, or name another one with --bucket ({region} and {account} are replaced)",
    "PermanentRedirect": "the bucket is in another region, and Lambda reads only from the layer's region: put {region} into --bucket",
    "IllegalLocationConstraintException": "the bucket is in another region: put {region} into --bucket",
    "ParameterLimitExceeded": "the region has no room for more SSM parameters (10,000 standard ones): remove some",
    "TooManyUpdates": "another process is changing the same SSM parameter: run this again",
    "ResourceNotFoundException": "it does not exist (any more): run this again to see what does",
    "InvalidParameterValueException": "Lambda rejects a value of the request",
}


@dataclass(eq=False)
class AwsError(LayerError):
    """A failed call. `str()` is the explanation, without secrets; `code` is AWS's error code.

    everywhere: other calls in this region would fail too. again: another attempt may succeed. unknown: the call may have been executed.
    disabled: the region rejects the credentials, as a region does that the account has not enabled.
    """

    code: str
    text: str
    everywhere: bool = False
    again: bool = False
    unknown: bool = False
    disabled: bool = False

    def __str__(self) -> str:
        return self.text


def explain(error: Exception, *, action: str, resource: str, region: str) -> AwsError:
    """Return the explained error. `action` is the call's name in IAM, `resource` the ARN of its resource."""
    what = f"{action} on {resource}"
    if isinstance(error, exceptions.ClientError):
        return _refused(error, what, action, resource, region)
    if isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError):
        text = f"{region} cannot be reached ({what}): check the network, a proxy and the region's name, or leave it out with --regions"
        return AwsError("Unreachable", text, everywhere=True, again=True)
    if isinstance(error, exceptions.ReadTimeoutError):
        text = f"{region} did not answer in time ({what}): run this again, with a longer --timeout if the network is slow"
        return AwsError("NoAnswer", text, everywhere=True, again=True, unknown=True)
    if isinstance(error, exceptions.ConnectionClosedError | exceptions.HTTPClientError):
        text = f"{region} closed the connection ({what}): run this again"
        return AwsError("ConnectionLost", text, again=True, unknown=True)
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError | exceptions.CredentialRetrievalError):
        text = f"no AWS credentials ({error}): set AWS_PROFILE, run `aws sso login`, or name a profile or role with --account"
        return AwsError("NoCredentials", text, everywhere=True)
    if isinstance(error, exceptions.SSOError | exceptions.TokenRetrievalError | exceptions.UnauthorizedSSOTokenError):
        return AwsError("ExpiredSession", f"the AWS SSO session is not valid ({error}): run `aws sso login`", everywhere=True)
    if isinstance(error, exceptions.ParamValidationError):
        return AwsError("Parameter", f"{what}: {error}".replace("\n", " "))
    return AwsError(type(error).__name__, f"{what} failed: {error}", again=False)


def _refused(error: exceptions.ClientError, what: str, action: str, resource: str, region: str) -> AwsError:
    answer = error.response
    code, message = str(answer["Error"].get("Code", "")), str(answer["Error"].get("Message", "")).strip()
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _DENIED or (status == 403 and code == "403"):
        return AwsError(code, _denied(message, action, resource))
    if code in _EXPIRED:
        text = f"the credentials have expired ({what}): sign in again (`aws sso login`, or assume the role again); finished work is kept"
        return AwsError(code, text, everywhere=True)
    if code in _UNKNOWN_KEY:
        text = (
            f"{region} does not know these credentials ({what}): if other regions do, this one is not enabled in the account"
            " (AWS account settings, Regions); otherwise the access key is wrong or deleted"
        )
        return AwsError(code, text, everywhere=True, disabled=True)
    if code in _BAD_SIGNATURE:
        text = f"{region} refuses the signature ({what}): {message}; check this machine's clock and the secret key"
        return AwsError(code, text, everywhere=True)
    if code in THROTTLES or status == 429:
        text = f"{region} throttles the account ({what}): run this again in a minute, with a lower --parallel if it happens often"
        return AwsError(code, text, again=True)
    if status >= 500:
        text = f"{region} had an internal error ({what}: {status} {code} {message}): run this again, and see https://health.aws.amazon.com"
        return AwsError(code, text, again=True, unknown=True)
    if status == 413:
        code = "RequestEntityTooLargeException"
    fix = _FIXES.get(code)
    return AwsError(code, f"{what}: {fix} ({message or code})" if fix else f"{what} was refused: {code}: {message}")


def _denied(message: str, action: str, resource: str) -> str:
    refused = _REFUSED.search(message)
    action = refused["action"] if refused else action
    resource = (refused["resource"] if refused else None) or resource
    who = re.search(r"User: (\S+)", message)
    subject = who[1] if who else "the caller"
    if "explicit deny" in message:
        kind = re.search(r"explicit deny in an? ([\w -]+?policy|[\w -]+?boundary)", message)
        return f"{action} on {resource} is denied to {subject} by {kind[1] if kind else 'a policy'}: the owner of that policy must allow it"
    return f"{subject} may not do {action} on {resource}: allow it in the role's policy (docs/publishing.md has the whole policy)"
