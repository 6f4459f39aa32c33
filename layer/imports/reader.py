"""Compile what archives have again, and compare. The target's interpreter runs this script, which imports nothing of layer/.

stdin: a pickled pair of the archives, by path, and the sources as the build changes them, by path inside python/, with whether it did.
stdout: a pickled pair of the sources that the archives have as published, and of faults as [(archive, message)].
"""

import marshal
import pickle
import sys

PREFIX = "/opt/python"

archives, sources = pickle.load(sys.stdin.buffer)  # noqa: S301  from layer/checks/archives.py
held, faults = [], []
for archive, data in archives.items():
    try:
        modules, _, functions = marshal.loads(data)  # noqa: S302  the zip is this project's own
    except (EOFError, ValueError, TypeError) as error:
        faults.append((archive, f"cannot be loaded by Python {sys.version.split()[0]}: {error}"))
        continue
    for name, (path, code, changed) in modules.items():
        source, was_changed = sources.get(path, (None, None))
        if not changed:
            held.append(path)
        if source is None:
            faults.append((archive, f"has {name}, of which the zip has no source {path}"))
        elif changed != was_changed or code != compile(source, f"{PREFIX}/{path}", "exec", dont_inherit=True, optimize=0):
            faults.append((archive, f"has other code of {name} than this tree makes of {path}: build it again"))
        elif code.co_filename != f"{PREFIX}/{path}":
            faults.append((archive, f"has {name} as {code.co_filename}: tracebacks would show another path"))
    for (text, file), code in functions.items():
        if code != compile(text, file, "exec", dont_inherit=True, optimize=0):
            faults.append((archive, f"has other code of {file} than its text gives: build it again"))
sys.stdout.buffer.write(pickle.dumps((held, faults)))
