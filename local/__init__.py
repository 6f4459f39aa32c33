"""Run AWS locally with real parts: a database server, an RDS front, a Lambda environment, the AWS API."""
