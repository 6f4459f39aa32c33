"""The version of rdspool: the one place where it stands.

pyproject.toml, the layer and the release read this file without importing rdspool, so the version is a plain literal.
"""

__version__ = "0.1.0"
