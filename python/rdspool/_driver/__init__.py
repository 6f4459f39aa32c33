"""The MySQL protocol over a verified TLS connection: packets, sign-in, commands, statements, cursors, rows.

Nothing here reads the environment or knows of AWS. Users import `rdspool.dbapi`, not this.
"""
