"""Run a Lambda environment locally: AWS's emulator and runtime client, CPython, and a sandbox like Lambda's.

with Environment(layers=["dist/rdspool-python3.13-x86_64.zip"], task="examples/connection_id") as environment:
    print(environment.invoke({}).payload)
"""

from __future__ import annotations

from .environment import Environment
from .errors import LambdaEnvironmentError, PartMissingError
from .invocation import FunctionError, Invocation, Shutdown
from .variables import Credentials

__all__ = ["Credentials", "Environment", "FunctionError", "Invocation", "LambdaEnvironmentError", "PartMissingError", "Shutdown"]
