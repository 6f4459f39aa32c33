"""Compile sources to bytecode. The target's interpreter runs this script, which imports nothing of this project.

stdin: a JSON list of [source file, bytecode file, path to show in tracebacks]. stdout: facts about the interpreter, in JSON.
"""

import importlib.util
import json
import platform
import py_compile
import sys
import sysconfig

for source, bytecode, shown in json.load(sys.stdin):
    py_compile.compile(source, bytecode, shown, doraise=True, optimize=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
json.dump(
    {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "tag": sys.implementation.cache_tag,
        "magic": importlib.util.MAGIC_NUMBER.hex(),
        "gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
    },
    sys.stdout,
)
