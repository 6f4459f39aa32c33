"""Run the AWS API locally: moto's server with several regions and accounts, and faults that a test can set.

with start() as aws:
    os.environ |= aws.variables()
    aws.fault(when=Call(operation="PublishLayerVersion", region="eu-west-1"), do=LoseAnswer())
    boto3.client("lambda", region_name="eu-west-1")...
    aws.calls("PublishLayerVersion")
"""

from __future__ import annotations

from .client import Aws, start
from .faults import Call, Close, Delay, LoseAnswer, Refuse, Silence, disabled, throttled
from .records import Record

__all__ = [
    "Aws",
    "Call",
    "Close",
    "Delay",
    "LoseAnswer",
    "Record",
    "Refuse",
    "Silence",
    "disabled",
    "start",
    "throttled",
]
