"""SSM parameters with the ARNs of layer versions, so that templates need no version number."""

from __future__ import annotations

from .account import Region


def read(region: Region, names: list[str]) -> dict[str, str]:
    """Return the values of the existing parameters among `names` (at most ten). Raise AwsError when the call fails."""
    answer = region.ask("ssm", "get_parameters", _arn(region, names[0]), Names=names)
    return {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}


def below(region: Region, prefix: str) -> dict[str, str]:
    """Return the values of all parameters below a path such as /rdspool, by name. Raise AwsError when a call fails."""
    entries = region.pages("ssm", "get_parameters_by_path", _arn(region, prefix), "Parameters", Path=prefix, Recursive=True)
    return {parameter["Name"]: parameter["Value"] for parameter in entries}


def write(region: Region, name: str, value: str) -> None:
    """Create or overwrite a parameter. Raise AwsError when the call fails. Repeating it only adds a version of the parameter."""
    region.ask("ssm", "put_parameter", _arn(region, name), Name=name, Value=value, Type="String", Overwrite=True)


def delete(region: Region, name: str) -> None:
    """Delete a parameter. A missing parameter is not an error. Raise AwsError when the call fails."""
    region.ask("ssm", "delete_parameters", _arn(region, name), Names=[name])


def _arn(region: Region, name: str) -> str:
    return region.arn("ssm", f"parameter{name}")
