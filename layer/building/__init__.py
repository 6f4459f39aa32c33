"""Build a layer: wheels, rdspool's own files, bytecode, archives, the zip and its manifest. Also the distributions for PyPI."""
