"""A fleet of real function processes, more than the server takes connections: the recipe of rdspool and the usual one, side by side."""
