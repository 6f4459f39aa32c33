"""Build, inspect and publish the Lambda layer: `python -m layer --help`."""
