"""The archives of compiled code in a layer: what is in them, and what the build changes in SQLAlchemy's and the connector's code."""
