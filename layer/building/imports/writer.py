"""Write archives. The target's interpreter runs this script, which imports nothing of layer/.

stdin: a pickled dict, by archive: the modules as [(name, path in the layer, path in tracebacks, source, whether it was changed)], and the
functions of SQLAlchemy's decorators. stdout: a pickled dict of the archives. rdspool_imports.finder reads them.
"""

import marshal
import pickle
import sys


def code(source: bytes | str, file: str) -> object:
    return compile(source, file, "exec", dont_inherit=True, optimize=0)


archives = {}
for name, (modules, texts, functions) in pickle.load(sys.stdin.buffer).items():  # noqa: S301  from layer/building/imports/archives.py
    codes = {module: (path, code(source, shown), changed) for module, path, shown, source, changed in modules}
    archives[name] = marshal.dumps((codes, texts, {(text, file): code(text, file) for text, file in functions}))
sys.stdout.buffer.write(pickle.dumps(archives))
