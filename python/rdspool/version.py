"""The version of rdspool."""

__version__ = "0.1.0"
