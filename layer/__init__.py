"""Builds, inspects and publishes the Lambda layer: `python -m layer --help`."""
