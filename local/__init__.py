"""AWS on this machine from real parts: a database server, an RDS front and a Lambda environment."""
