"""SSM parameters that hold the ARNs of layer versions, so that templates need no number."""

from __future__ import annotations

from .account import Region


def read(region: Region, names: list[str]) -> dict[str, str]:
    """Returns the values of those parameters that exist (at most ten names). Raises AwsError."""
    answer = region.ask("ssm", "get_parameters", _arn(region, names[0]), Names=names)
    return {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}


def below(region: Region, prefix: str) -> dict[str, str]:
    """Returns all parameters below a path such as /rdspool. Raises AwsError."""
    entries = region.pages("ssm", "get_parameters_by_path", _arn(region, prefix), "Parameters", Path=prefix, Recursive=True)
    return {parameter["Name"]: parameter["Value"] for parameter in entries}


def write(region: Region, name: str, value: str) -> None:
    """Sets a parameter, new or not. Doing it twice does no harm but for SSM's own count of versions."""
    region.ask("ssm", "put_parameter", _arn(region, name), Name=name, Value=value, Type="String", Overwrite=True)


def delete(region: Region, name: str) -> None:
    """Removes a parameter; one that is gone already is no error."""
    region.ask("ssm", "delete_parameters", _arn(region, name), Names=[name])


def _arn(region: Region, name: str) -> str:
    return region.arn("ssm", f"parameter{name}")
