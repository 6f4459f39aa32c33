"""A layer's archives against the same packages from their files: what a program can see is the same, and it falls back."""

from __future__ import annotations

import marshal
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from layers import HERE, MACHINE, LayerOf

PLAIN = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}


@pytest.fixture(scope="module")
def layer(layer_of: LayerOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a layer's packages."""
    folder = tmp_path_factory.mktemp("opt")
    with zipfile.ZipFile(layer_of(MACHINE)) as opened:
        opened.extractall(folder)
    return folder / "python"


def run(python: Path, code: str, before: Path | None = None, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code with the layer's packages and the standard library only. `before` comes before them on sys.path."""
    path = os.pathsep.join(str(each) for each in (before, python) if each)
    environment = PLAIN | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | variables
    command = [sys.executable, "-S", "-s", "-c", code]
    return subprocess.run(command, env=environment, cwd=python.parent, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def published(layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the same packages, as pip would install them: without archives, and with the bytecode that Python makes."""
    folder = shutil.copytree(
        layer, tmp_path_factory.mktemp("pip") / "python", ignore=shutil.ignore_patterns("__pycache__", "rdspool_imports")
    )
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)
    return folder


ENGINE = "from rdspool import get_engine; engine = get_engine(host='d.c.eu-west-1.rds.amazonaws.com', user='u')\n"

SEEN = {
    "signatures": """
import inspect, sqlalchemy, sqlalchemy.orm, sqlalchemy.pool, sqlalchemy.dialects.mysql, mysql.connector, mysql.connector.pooling
for module in (sqlalchemy, sqlalchemy.orm, sqlalchemy.pool, sqlalchemy.dialects.mysql, mysql.connector, mysql.connector.pooling):
    for name in sorted(name for name in dir(module) if not name.startswith("_")):
        found = getattr(module, name)
        inner = sorted(((key, each) for key, each in vars(found).items() if not key.startswith("__")), key=lambda pair: pair[0]) if isinstance(found, type) else []
        for key, each in [("", found), *inner]:
            if callable(each):
                try:
                    print(module.__name__, name, key, inspect.signature(each))
                except (TypeError, ValueError) as error:
                    print(module.__name__, name, key, type(error))
""",
    "names": """
import sqlalchemy, sqlalchemy.orm
for module in (sqlalchemy, sqlalchemy.orm):
    for name in sorted(name for name in dir(module) if not name.startswith("_")):
        found = getattr(module, name)
        print(name, type(found).__name__, getattr(found, "__module__", None), getattr(found, "__qualname__", None))
""",
    "modules": """
import sys, sqlalchemy, sqlalchemy.orm, rdspool, mysql.connector.errorcode, mysql.connector.pooling, sqlalchemy.dialects.mysql
[getattr(sqlalchemy.dialects.mysql, name) for name in "aiomysql asyncmy cymysql mariadbconnector mysqldb pymysql pyodbc".split()]
for name in sorted(sys.modules):
    module = sys.modules[name]
    if name.partition(".")[0] in ("sqlalchemy", "mysql", "typing_extensions") and name not in ("mysql.connector", "sqlalchemy.dialects.mysql"):
        spec = module.__spec__
        print(name, module.__file__, spec.origin, spec.has_location, spec.parent, spec.submodule_search_locations, module.__package__,
              getattr(module, "__path__", None), spec.cached == getattr(module, "__cached__", spec.cached), spec.loader.is_package(name))
""",
    "sources": """
import inspect, linecache, sqlalchemy, sqlalchemy.orm, sqlalchemy.util.compat as compat, sqlalchemy.pool.base as base
for found in (sqlalchemy.Select.where, sqlalchemy.create_engine, sqlalchemy.orm.Session.execute, base.PoolResetState, compat):
    print(inspect.getsourcefile(found), inspect.getsourcelines(found))
print(linecache.getline(compat.__file__, 13), compat.__loader__.get_source("sqlalchemy.util.compat") == open(compat.__file__).read())
""",
    "code": """
import sqlalchemy, sqlalchemy.orm, types
def walk(code):
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from walk(each)
for module in (sqlalchemy.engine.base, sqlalchemy.orm.session, sqlalchemy.sql.elements, sqlalchemy.sql.selectable):
    for name, found in sorted(vars(module).items()):
        for each in (found, *(vars(found).values() if isinstance(found, type) else ())):
            if isinstance(each, types.FunctionType):
                print(name, [(code.co_filename, code.co_firstlineno, code.co_qualname, list(code.co_lines())) for code in walk(each.__code__)])
""",
    "tracebacks": """
import traceback, sqlalchemy
from sqlalchemy import select, column, create_engine
for work in (lambda: create_engine("nonsense://"), lambda: select(column("a")).where(1, 2, 3, x=5), lambda: select().join(5, 6),
             lambda: sqlalchemy.URL.create("mysql", port="x"), lambda: create_engine("sqlite://").connect().execute("SELECT 1"),
             lambda: sqlalchemy.Table(5), lambda: sqlalchemy.Select.with_only_columns(select(), 5)):
    try:
        work()
    except Exception:
        print(traceback.format_exc())
""",
    "pickles": """
import pickle, sqlalchemy, sqlalchemy.orm as orm, sqlalchemy.sql.annotation as annotation
from sqlalchemy import select, Table, MetaData, Column, Integer, String, PickleType, literal
table = Table("t", MetaData(), Column("a", Integer, primary_key=True), Column("b", String(5)))
annotated = table.c.a._annotate({"x": 1})
print(pickle.loads(pickle.dumps(table)), pickle.loads(pickle.dumps(table.c.a + 5)), pickle.loads(pickle.dumps(select(table.c.a))))
print(type(annotated), [cls.__name__ for cls in type(annotated).__mro__])
again = pickle.loads(pickle.dumps(annotated))
print(type(again), again._annotations, pickle.loads(b"csqlalchemy.sql.annotation\\nAnnotatedBindParameter\\n."), annotation.AnnotatedTable.__mro__)
print(pickle.loads(pickle.dumps(PickleType())), PickleType().protocol, PickleType().pickler.loads(PickleType().pickler.dumps([1])))
print(pickle.loads(pickle.dumps(sqlalchemy.make_url("mysql://u:p%40@h/d?x=%20y"))), sqlalchemy.make_url("mysql://u:p%40@h/d?x=%20y").password)
print(pickle.loads(pickle.dumps(orm.sessionmaker)), pickle.loads(pickle.dumps(sqlalchemy.pool.PoolResetState)))
""",
    "statements": """
from sqlalchemy import *
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.dialects.mysql import insert, match, base
import sqlalchemy.dialects.mysql as package
t = Table("t", MetaData(), Column("a", Integer, primary_key=True), Column("b", JSON), Column("c", Enum("x", "y", name="e")))
for dialect in (mysql.dialect(), base.dialect(), postgresql.dialect(), sqlite.dialect()):
    print(dialect.driver, select(t).where(t.c.a.in_([1, 2])).compile(dialect=dialect), schema.CreateTable(t).compile(dialect=dialect))
print(insert(t).values(a=1).on_duplicate_key_update(a=2).compile(dialect=mysql.dialect()), match(t.c.a, against="x").compile(dialect=mysql.dialect()))
print(package.pymysql.dialect, package.mysqldb.dialect is package.dialect, package.aiomysql.__name__, package.base.dialect is package.dialect)
try:
    package.nothing
except AttributeError as error:
    print(error)
""",
    "orm": """
from sqlalchemy import create_engine, select, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, Session, MappedAsDataclass
from sqlalchemy import ForeignKey
class Base(MappedAsDataclass, DeclarativeBase):
    pass
class A(Base):
    __tablename__ = "a"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str | None]
    bs: Mapped[list["B"]] = relationship(default_factory=list)
class B(Base):
    __tablename__ = "b"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    a: Mapped[int | None] = mapped_column(ForeignKey("a.id"), default=None)
engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add(A("x", [B(), B()]))
    session.commit()
    print(session.scalars(select(A)).unique().all(), session.scalar(select(func.count()).select_from(B)), repr(A.__init__))
""",
    "connector": """
import mysql.connector
from mysql.connector import MySQLConnection, connect, Connect
print(mysql.connector.MySQLConnection, mysql.connector.connect, mysql.connector.Connect, mysql.connector.HAVE_CEXT, mysql.connector.__version__)
print([getattr(mysql.connector, name) for name in "abstracts connection conversion cursor network optionfiles pooling protocol utils".split()])
try:
    mysql.connector.connect(host="127.0.0.1", port=1, use_pure=True)
except mysql.connector.Error as error:
    print(type(error), error.errno)
""",
    "metadata": """
import importlib.metadata as metadata, importlib.resources as resources
import sqlalchemy, rdspool
print(metadata.version("SQLAlchemy"), metadata.version("rdspool"), metadata.version("mysql-connector-python"))
print(sorted(entry.name for entry in metadata.entry_points(group="sqlalchemy.dialects")))
print((resources.files("rdspool") / "py.typed").read_bytes(), len((resources.files("rdspool") / "_aws" / "roots" / "proxy.pem").read_bytes()))
import pkgutil
print(sorted(module.name for module in pkgutil.walk_packages(sqlalchemy.__path__, "sqlalchemy.") if "testing" not in module.name))
""",
    "reload": """
import importlib, sqlalchemy, sqlalchemy.util.compat, sqlalchemy.exc, sqlalchemy.engine.url
for module in (sqlalchemy.util.compat, sqlalchemy.exc, sqlalchemy.engine.url):
    before = module.__file__
    again = importlib.reload(module)
    print(again is module, again.__file__ == before, again.__spec__.origin, again.__loader__.get_source(again.__name__)[:40])
print(importlib.util.find_spec("sqlalchemy.orm").origin, importlib.util.find_spec("sqlalchemy.orm.session").origin)
import sqlalchemy.orm.session
print(sqlalchemy.orm.session.__spec__.origin)
import runpy
print(sorted(runpy.run_module("sqlalchemy.engine.util"))[:5], len(runpy.run_module("sqlalchemy.types")))
""",
    "types": """
import sys, typing, inspect, rdspool, sqlalchemy, sqlalchemy.orm
def hints(found):
    try:
        return typing.get_type_hints(found, include_extras=True)
    except Exception as error:
        return type(error)
def inner(found):
    if isinstance(found, typing.ForwardRef):
        yield found, found.__forward_arg__, found.__forward_is_argument__, found.__forward_is_class__, found.__forward_module__
    for each in getattr(found, "__args__", ()) if typing.get_origin(found) is not None else ():
        yield from inner(each)
lines = []
def asked(module):
    before = dict(vars(module))
    yield from before.items()
    yield from ((key, getattr(module, key)) for key in dir(module) if key not in before)
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in ("sqlalchemy", "rdspool") and not name.startswith(("sqlalchemy.dialects", "sqlalchemy.connectors")):
        for key, found in asked(module):
            if typing.get_origin(found) is not None:
                lines.append((name, key, found, list(inner(found))))
            elif isinstance(found, typing.TypeVar):
                lines.append((name, key, found, found.__bound__, found.__constraints__))
            elif getattr(found, "__module__", None) == name and callable(found) and not key.startswith("Annotated"):
                lines.append((name, key, hints(found), getattr(found, "__annotations__", None) if not isinstance(found, type) else ""))
                for inside, each in sorted(vars(found).items()) if isinstance(found, type) else ():
                    if inspect.isfunction(each):
                        lines.append((name, key, inside, hints(each)))
print(*sorted(map(str, lines)), sep="\\n")
""",
    "named tuples": """
import sys, inspect, rdspool, sqlalchemy, sqlalchemy.orm
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in ("sqlalchemy", "rdspool"):
        for key, found in sorted(vars(module).items()):
            if isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields") and found.__module__ == name:
                new = found.__new__
                print(name, key, found._fields, found._field_defaults, inspect.signature(found), found.__annotations__, new.__code__.co_filename,
                      new.__name__, new.__qualname__, new.__module__, getattr(found, "__orig_bases__", None), sorted(vars(found)))
""",
    "functions": """
import copy, inspect, pickle, warnings, sqlalchemy.sql.functions as functions, sqlalchemy.sql.compiler as compiler, sqlalchemy.sql.annotation as annotation
from sqlalchemy import func, select, column, Integer, String
from sqlalchemy.dialects import mysql
from sqlalchemy.util import walk_subclasses
print(pickle.loads(b"csqlalchemy.sql.annotation\\nAnnotatedpercent_rank\\n.").__mro__[:4])
print(select(func.count(), func.MAX(column("a")), func.current_date(), func.nothing(1), func.any(column("b")), func.user()).compile(dialect=mysql.dialect()))
print("coalesce" in functions._registry["_default"], "any_" in functions._registry["_default"], 5 in functions._registry["_default"])
print(compiler.FUNCTIONS.get(functions.cube), compiler.FUNCTIONS.get(functions.Function, "no"), functions.rollup in compiler.FUNCTIONS, compiler.FUNCTIONS[functions.sysdate])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    class mine(functions.GenericFunction):
        name = "rank"
    class concat(functions.GenericFunction):
        _register = False
        inherit_cache = True
print([str(each.message) for each in caught], func.rank is mine, type(func.rank()), functions.rank.__module__, func.concat("a", "b").__class__.__module__)
print(functions._registry["_default"].get("rank"), functions._registry["_default"].get("nothing"), functions._registry["other"])
for name in ("nothing", "_nothing_func", "__wrapped__"):
    try:
        getattr(functions, name)
    except AttributeError as error:
        print(error, error.name)
print(pickle.loads(pickle.dumps(func.percentile_cont(0.5).within_group(column("a")))), pickle.loads(pickle.dumps(func.now()._annotate({"x": 1})))._annotations)
print(inspect.getsource(functions.char_length), inspect.getsourcelines(functions.next_value.__init__)[1], functions._max_func, functions._count_func)
names = {}
exec("from sqlalchemy.sql.functions import *", names)
print(sorted(names))
copied = copy.deepcopy(functions._registry)
print(sorted(copied["_default"]) == sorted(functions._registry["_default"]), sorted((key, each.__qualname__) for key, each in copied["_default"].items()))
print(sorted((key.__name__, each) for key, each in compiler.FUNCTIONS.items()), len(compiler.FUNCTIONS), compiler.FUNCTIONS == dict(compiler.FUNCTIONS), bool(compiler.FUNCTIONS))
print(sorted(each.__name__ for each in walk_subclasses(functions.FunctionElement) if not issubclass(each, annotation.Annotated)))
for name in sorted({*dir(functions)} - {"__getattr__", "__dir__", "__doc__", "__builtins__", "__loader__"}):
    found = getattr(functions, name)
    if isinstance(found, type) and found.__module__ == functions.__name__:
        print(name, found.__mro__, sorted(vars(found)), getattr(found, "__parameters__", None), getattr(found, "__orig_bases__", None), inspect.signature(found), found.__init__.__code__)
        print(getattr(found, "type", None), getattr(found, "identifier", None), getattr(found, "inherit_cache", None), getattr(found, "_register", None))
    else:
        print(name, type(found), found if "Alias" in type(found).__name__ else "")
print(sorted(functions.__annotations__))
""",
    "no use changes how garbage is collected": "import gc, sqlalchemy; print(gc.isenabled()); import sqlalchemy.orm; print(gc.isenabled())",
}


@pytest.mark.parametrize("name", SEEN)
def test_a_program_sees_the_same(layer: Path, published: Path, name: str) -> None:
    ours, theirs = run(layer, SEEN[name]), run(published, SEEN[name])
    assert theirs.returncode == 0, theirs.stderr[-3000:]
    assert ours.returncode == 0, ours.stderr[-3000:]
    assert theirs.stdout.strip()
    lines = ours.stdout.replace(str(layer.parent), "ROOT").splitlines()
    expected = theirs.stdout.replace(str(published.parent), "ROOT").splitlines()
    differences = [pair for pair in zip(lines, expected, strict=False) if _without_addresses(pair[0]) != _without_addresses(pair[1])]
    assert not differences[:5]
    assert len(lines) == len(expected)


def _without_addresses(line: str) -> str:
    import re

    return re.sub(r"0x[0-9a-f]+", "0x", line)


def test_a_debugger_steps_through_the_sources(layer: Path) -> None:
    code = ENGINE + "import pdb, sqlalchemy; pdb.run('sqlalchemy.make_url(\"mysql://h/d\")', {'sqlalchemy': sqlalchemy})"
    ran = run(layer, code, stdin="break sqlalchemy.engine.url.make_url\ncontinue\nwhere\nlist\nnext\nnext\nquit\n")
    assert f"{layer}/sqlalchemy/engine/url.py(" in ran.stdout, ran.stderr
    assert "make_url()->mysql://h/d" in ran.stdout


def test_a_functions_own_sqlalchemy_is_its_own(layer: Path, published: Path, tmp_path: Path) -> None:
    task = tmp_path / "task"
    shutil.copytree(published / "sqlalchemy", task / "sqlalchemy")
    code = ENGINE + (
        "import sqlalchemy, sqlalchemy.orm, sys\n"
        "from rdspool.imports import imports\n"
        "print(imports())\n"
        "print(sorted({type(m.__loader__).__module__ for n, m in sys.modules.items() if n.startswith('sqlalchemy.') and m.__file__.endswith('.py')}))\n"
        "print('asyncio' in sys.modules, type(sys.modules['mysql.connector'].__loader__).__module__)\n"
    )
    ran = run(layer, code, before=task)
    where = f"files: SQLAlchemy from {task}/sqlalchemy, archives in {layer}/rdspool_imports"
    assert ran.stdout.splitlines() == [where, "['_frozen_importlib_external']", "True rdspool_imports.finder"], ran.stderr


def test_a_functions_own_module_beside_the_layers_package_is_its_own(layer: Path, tmp_path: Path) -> None:
    (tmp_path / "typing_extensions.py").write_text((layer / "typing_extensions.py").read_text() + "\nOURS = True\n")
    ran = run(layer, "import sqlalchemy, typing_extensions; print(typing_extensions.OURS)", before=tmp_path)
    assert ran.stdout == "True\n", ran.stderr


def test_a_package_whose_path_others_have_changed_is_left_to_python(layer: Path, tmp_path: Path) -> None:
    (tmp_path / "exc_of_ours.py").write_text("found = True\n")
    code = f"import sqlalchemy; sqlalchemy.__path__.insert(0, {str(tmp_path)!r}); import sqlalchemy.exc_of_ours, sqlalchemy.orm; print(sqlalchemy.orm.__loader__)"
    ran = run(layer, code)
    assert "SourceFileLoader" in ran.stdout, ran.stderr


def test_plain_has_the_code_as_published(layer: Path) -> None:
    code = (
        ENGINE + "import sys; from rdspool.imports import imports; print(imports(), 'asyncio' in sys.modules, 'dataclasses' in sys.modules)"
    )
    ran = run(layer, code, RDSPOOL_IMPORTS="plain")
    assert ran.stdout == f"plain: SQLAlchemy from {layer}/sqlalchemy, archives in {layer}/rdspool_imports True True\n", ran.stderr
    ran = run(layer, code)
    assert ran.stdout == f"archives: SQLAlchemy from {layer}/sqlalchemy, archives in {layer}/rdspool_imports False False\n", ran.stderr


def test_the_archives_have_no_docstrings_and_plain_has_those_that_sqlalchemy_adds_to(layer: Path, published: Path) -> None:
    code = (
        "import sqlalchemy.orm as o; print([each.__doc__ for each in (o.session, o.Session, o.Session.get, o.SessionEvents.after_commit)])"
    )
    assert run(layer, code).stdout == "[None, None, None, None]\n"
    code = "import sqlalchemy.orm; print(sqlalchemy.orm.SessionEvents.after_commit.__doc__)"
    plain = run(layer, code, RDSPOOL_IMPORTS="plain")
    assert plain.stdout == run(published, code).stdout, plain.stderr
    assert "Example argument forms" in plain.stdout


def test_nothing_is_compiled_on_the_way_to_an_engine_and_what_was_lent_is_taken_back(layer: Path) -> None:
    code = (
        "import sys, typing; texts = []; sys.addaudithook(lambda event, given: event == 'compile' and texts.append(given[0]))\n"
        + ENGINE
        + "import collections, typing; print(len(texts), texts[:3], 'compile' in vars(typing), 'eval' in vars(collections))"
    )
    assert run(layer, code).stdout == "0 [] False False\n"
    plain = run(layer, code, RDSPOOL_IMPORTS="plain").stdout
    assert int(plain.split()[0]) > 100
    assert plain.endswith("False False\n")


def test_a_module_that_fails_leaves_typing_and_the_collector_as_they_were(layer: Path) -> None:
    code = (
        "import sys, gc, typing, collections, sqlalchemy\n"
        "sys.modules['sqlalchemy.orm.base'] = None\n"
        "try:\n    import sqlalchemy.orm.session\nexcept ImportError as error:\n    print(error.name)\n"
        "print('compile' in vars(typing), 'eval' in vars(collections), gc.isenabled())"
    )
    ran = run(layer, code)
    assert ran.stdout == "sqlalchemy.orm.base\nFalse False True\n", ran.stderr


EXPRESSIONS = (
    ENGINE
    + """
import re, rdspool._driver.regions as regions, sqlalchemy.sql.compiler as compiler
from rdspool_imports import made
print(len(made.expressions))
for module in (regions, compiler):
    found = {name: each for name, each in vars(module).items() if isinstance(each, re.Pattern)}
    print(len(found) > 5, all(each == re.compile(each.pattern, each.flags) for each in found.values()))
"""
)


def test_all_regular_expressions_of_the_build_are_used_and_are_those_of_re(layer: Path) -> None:
    ran = run(layer, EXPRESSIONS)
    assert ran.stdout == "0\nTrue True\nTrue True\n", ran.stderr


def test_regular_expressions_of_another_release_of_this_python_are_not_used(layer: Path, tmp_path: Path) -> None:
    python = shutil.copytree(layer, tmp_path / "python")
    archive = python / "rdspool_imports" / f"base.{sys.implementation.cache_tag}"
    *others, magic, expressions = marshal.loads(archive.read_bytes())  # noqa: S302  the layer's own
    assert len(expressions) > 40
    broken = {key: (*given[:2], [0], *given[3:]) for key, given in expressions.items()}
    archive.write_bytes(marshal.dumps((*others, magic, broken)))
    assert "RuntimeError: invalid SRE code" in run(python, EXPRESSIONS).stderr
    archive.write_bytes(marshal.dumps((*others, magic + 1, broken)))
    ran = run(python, EXPRESSIONS)
    assert ran.stdout == "0\nTrue True\nTrue True\n", ran.stderr


def test_archives_of_another_python_are_one_line_and_no_failure(layer: Path, tmp_path: Path) -> None:
    python = shutil.copytree(layer, tmp_path / "python")
    for archive in (python / "rdspool_imports").glob(f"*.{sys.implementation.cache_tag}"):
        archive.rename(archive.with_suffix(".cpython-311"))
    ran = run(python, ENGINE + "import sqlalchemy.orm; from rdspool.imports import imports; print(imports())")
    assert ran.stdout == f"files: SQLAlchemy from {python}/sqlalchemy\n", ran.stderr
    tag = sys.implementation.cache_tag
    assert ran.stderr == f"rdspool: the archives in {python}/rdspool_imports are for cpython-311, not {tag}: using the sources\n"


def test_a_process_that_multiprocessing_starts_finds_the_archives(layer: Path) -> None:
    code = (
        "import multiprocessing, sqlalchemy\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply(sqlalchemy.make_url, ['mysql://h/d']), pool.apply(eval, ['type(__import__(\"sqlalchemy.exc\").exc.__loader__)']))\n"
    )
    program = layer.parent / "program.py"
    program.write_text(code)
    environment = PLAIN | {"PYTHONPATH": str(layer), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run([sys.executable, "-S", "-s", str(program)], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout == "mysql://h/d <class 'rdspool_imports.finder.Loader'>\n", ran.stderr


def test_a_thread_that_imports_at_the_same_time(layer: Path) -> None:
    code = (
        "import threading\n"
        "names = ['rdspool'] * 8\n"
        "threads = [threading.Thread(target=__import__, args=(name,)) for name in names]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "import gc; print(gc.isenabled())\n"
    )
    ran = run(layer, code)
    assert (ran.stdout, ran.stderr) == ("True\n", "")


def test_this_python_is_that_of_the_layer() -> None:
    assert sys.implementation.cache_tag == f"cpython-{HERE.replace('.', '')}"
