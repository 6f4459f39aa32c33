"""The CDK app. It reads its values from the context (cdk.json, or -c name=value) and synthesizes the stack."""

from __future__ import annotations

import sys

from aws_cdk import App
from stack import ConnectionId
from values import Values, WrongValue

app = App()
try:
    values = Values.of(app.node.try_get_context)
except WrongValue as wrong:
    sys.exit(f"app.py: {wrong}")
ConnectionId(app, "rdspool-connection-id", values=values)
app.synth()
