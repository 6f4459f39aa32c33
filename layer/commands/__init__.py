"""The subcommands of `python -m layer`, one per file."""
