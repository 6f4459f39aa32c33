"""Publish built layers to AWS accounts, and read what is published. It needs boto3, so only layer/commands imports it."""
