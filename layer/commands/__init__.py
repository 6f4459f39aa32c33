"""The commands of `python -m layer`, one per file."""
