"""The transforms. `python -m layer imports` shows what each one saves; one that saves less than 2 ms and 0.3 MiB does not stay."""

from __future__ import annotations

from .transform import ANNOTATED, DATACLASS, FUNCTIONS, LATER, MADE, Edit, Step, Transform, functions, lines_of_functions, module, unchanged

_UTIL = "sqlalchemy/util"

ASYNCIO = Transform(
    "asyncio",
    "SQLAlchemy imports asyncio for its asyncio extension. Its CancelledError is no Exception, so the tests for it need no asyncio.",
    17,
    (
        module(f"{_UTIL}/compat.py", "asyncio"),
        module(f"{_UTIL}/queue.py", "asyncio"),
        module(f"{_UTIL}/concurrency.py", "asyncio"),
        Edit(f"{_UTIL}/concurrency.py", "e, (asyncio.TimeoutError, asyncio.CancelledError)\n", "e, TimeoutError\n"),
        Edit(
            f"{_UTIL}/concurrency.py",
            "return isinstance(e, asyncio.CancelledError)\n",
            "return not isinstance(e, Exception) and isinstance(e, asyncio.CancelledError)\n",
        ),
        Edit(
            f"{_UTIL}/concurrency.py",
            "iscoroutine = asyncio.iscoroutine\n",
            f'iscoroutine = {LATER}.function(globals(), "iscoroutine", "asyncio")\n',
        ),
    ),
)

METADATA = Transform(
    "importlib.metadata",
    "SQLAlchemy uses it for the entry points of dialects that it does not know, and for the versions of drivers.",
    15,
    (
        module(f"{_UTIL}/compat.py", "importlib.metadata", "from importlib import metadata as importlib_metadata", "importlib_metadata"),
        Edit(f"{_UTIL}/langhelpers.py", "\nimport importlib.metadata\n", "\nimport importlib\n"),
        Edit(
            f"{_UTIL}/langhelpers.py",
            "    version = importlib.metadata.version(distribution)\n",
            "    import importlib.metadata; version = importlib.metadata.version(distribution)\n",
        ),
    ),
)

PLATFORM = Transform(
    "platform",
    "SQLAlchemy asks three facts about the interpreter, which sys and os have too. A layer's Python is CPython.",
    2,
    (
        Edit(f"{_UTIL}/compat.py", "\nimport platform\n", "\nimport os\n"),
        Edit(f"{_UTIL}/compat.py", 'platform.python_implementation() == "PyPy"', 'sys.implementation.name == "pypy"'),
        Edit(f"{_UTIL}/compat.py", 'platform.python_implementation() == "CPython"', 'sys.implementation.name == "cpython"'),
        Edit(f"{_UTIL}/compat.py", "platform.machine()", "os.uname().machine"),
        module(f"{_UTIL}/compat.py", "sysconfig"),
        Edit(f"{_UTIL}/compat.py", 'bool(sysconfig.get_config_var("Py_GIL_DISABLED"))', '"t" in sys.abiflags'),
    ),
)

SMALL = Transform(
    "small modules",
    "They are used by rare types, URLs that are texts, two-phase transactions and error messages only.",
    4,
    (
        module(f"{_UTIL}/langhelpers.py", "textwrap"),
        module(f"{_UTIL}/compat.py", "base64"),
        module("sqlalchemy/sql/sqltypes.py", "pickle"),
        module("sqlalchemy/engine/default.py", "random"),
        *functions("sqlalchemy/engine/url.py", "urllib.parse", "parse_qsl quote quote_plus unquote"),
    ),
)

INSPECT = Transform(
    "inspect",
    "SQLAlchemy asks for the kind of a few objects, which needs no inspect.",
    6,
    (
        module(f"{_UTIL}/compat.py", "inspect"),
        module(f"{_UTIL}/langhelpers.py", "inspect"),
        module("sqlalchemy/engine/create.py", "inspect"),
        module("sqlalchemy/sql/lambdas.py", "inspect"),
        module("typing_extensions.py", "inspect"),
        Edit(
            "typing_extensions.py",
            '"module" in inspect.signature(typing._type_check).parameters',
            '"module" in typing._type_check.__code__.co_varnames[:typing._type_check.__code__.co_argcount]',
        ),
    ),
)

_DRIVERS = "aiomysql asyncmy cymysql mariadbconnector mysqlconnector mysqldb pymysql pyodbc"

DIALECTS = Transform(
    "dialects",
    "SQLAlchemy imports the dialects of all MySQL drivers with that of one.",
    19,
    (
        *(Edit("sqlalchemy/dialects/mysql/__init__.py", f"from . import {name}  # noqa\n", "\n") for name in _DRIVERS.split()),
        Edit(
            "sqlalchemy/dialects/mysql/__init__.py",
            "base.dialect = dialect = mysqldb.dialect\n",
            f'base.__getattr__, base.__dir__ = {LATER}.names(base.__name__, {{"dialect": "sqlalchemy.dialects.mysql.mysqldb:dialect"}}); '
            f'__getattr__, __dir__ = {LATER}.names(__name__, {{"dialect": "sqlalchemy.dialects.mysql.mysqldb:dialect"}}, "{_DRIVERS}")\n',
        ),
    ),
)

_CONNECTOR = "mysql/connector"
_SUBMODULES = (
    "_decorating _scripting abstracts authentication connection conversion cursor errorcode logger network opentelemetry optionfiles plugins "
    "pooling protocol"
)
_TABLES = "a1 b1 c3 c4 c5 c6 c7 c8 c9 c11 c12 c21_c22 d1 d2"

CONNECTOR = Transform(
    "connector",
    "rdspool has its own driver and uses the connector's errors, constants and types.",
    19,
    (
        Edit(f"{_CONNECTOR}/__init__.py", "\nfrom .connection import MySQLConnection\n", "\n\n"),
        Edit(f"{_CONNECTOR}/__init__.py", "\nfrom .pooling import connect\n", "\n\n"),
        Edit(
            f"{_CONNECTOR}/__init__.py",
            "\nConnect = connect\n",
            f"\n__getattr__, __dir__ = {LATER}.names(__name__, {{"
            '"MySQLConnection": "mysql.connector.connection:MySQLConnection", '
            '"connect": "mysql.connector.pooling:connect", "Connect": "mysql.connector.pooling:connect"'
            f'}}, "{_SUBMODULES}")\n',
        ),
        module(f"{_CONNECTOR}/locales/__init__.py", "mysql.connector.errorcode", "from .. import errorcode", "errorcode"),
        module(f"{_CONNECTOR}/utils.py", "platform"),
        module(f"{_CONNECTOR}/utils.py", "subprocess"),
        module(f"{_CONNECTOR}/utils.py", "unicodedata"),
        lines_of_functions(f"{_CONNECTOR}/utils.py", "stringprep", [f"in_table_{table}" for table in _TABLES.split()]),
    ),
)

DECORATORS = Transform(
    "decorators",
    "SQLAlchemy's decorators write 123 functions as texts and compile them. The build has done so.",
    20,
    (
        Edit(
            f"{_UTIL}/langhelpers.py",
            "        if not inspect.isfunction(fn) and not inspect.ismethod(fn):\n"
            '            raise Exception("not a decoratable function")\n',
            f"        if (decorated := {MADE}.decorated(fn, target, exec_code_in_env)) is not None: return update_wrapper(decorated, fn)\n"
            '        if not inspect.isfunction(fn) and not inspect.ismethod(fn): raise Exception("not a decoratable function")\n',
        ),
        Edit(f"{_UTIL}/langhelpers.py", 'code = compile(code, filename, "exec")\n', f"code = {MADE}.compiled(code, filename)\n"),
    ),
)

DATACLASSES = Transform(
    "dataclasses",
    "The module imports inspect, for two classes whose methods the build has compiled.",
    8,
    (
        module(f"{_UTIL}/compat.py", "dataclasses"),
        Edit("sqlalchemy/engine/reflection.py", "\nfrom dataclasses import dataclass\n", f"\ndataclass = {DATACLASS}.dataclass()\n"),
        Edit("sqlalchemy/pool/base.py", "\n@dataclasses.dataclass(frozen=True)\n", f"\n@{DATACLASS}.dataclass(frozen=True)\n"),
        module("sqlalchemy/pool/base.py", "dataclasses"),
    ),
)

ANNOTATIONS = Transform(
    "annotated classes",
    "SQLAlchemy makes a class for each of 193 elements, of which a program uses a few.",
    10,
    (
        Edit(
            "sqlalchemy/sql/annotation.py",
            "    for super_ in cls.__mro__:\n",
            f"    for super_ in {ANNOTATED}.supers(cls, _new_annotation_type):\n",
        ),
        Edit(
            "sqlalchemy/sql/annotation.py",
            "    for cls in util.walk_subclasses(target_hierarchy):\n        _new_annotation_type(cls, base_cls)\n",
            f"    {ANNOTATED}.prepare(globals(), target_hierarchy, base_cls)\n\n",
        ),
    ),
)

EXPRESSIONS = Transform(
    "regular expressions",
    "The build has compiled the regular expressions that modules compile when they are imported.",
    5,
    tuple(
        module(file, "re")
        for file in (
            "rdspool/_aws/endpoints.py",
            "rdspool/_driver/effects.py",
            "rdspool/_driver/literals.py",
            "rdspool/_driver/regions.py",
            "rdspool/_driver/rows.py",
            "rdspool/_driver/statements.py",
            "rdspool/_settings/places.py",
            "rdspool/_settings/reading.py",
            "sqlalchemy/dialects/mysql/base.py",
            "sqlalchemy/dialects/mysql/reflection.py",
            "sqlalchemy/engine/default.py",
            "sqlalchemy/sql/coercions.py",
            "sqlalchemy/sql/compiler.py",
            "sqlalchemy/sql/elements.py",
            f"{_UTIL}/langhelpers.py",
        )
    ),
)

DOCSTRINGS = Transform(
    "docstrings",
    "A quarter of the archives is docstrings, which a function does not read. SQLAlchemy adds examples to those of its events.",
    6,
    (
        Edit(
            "sqlalchemy/event/attr.py",
            "fn.__doc__ = legacy._augment_fn_docs(self, parent_dispatch_cls, fn)\n",
            "fn.__doc__ = fn.__doc__ and legacy._augment_fn_docs(self, parent_dispatch_cls, fn)\n",
        ),
        # RDSPOOL_IMPORTS=plain takes what is changed from its file: these with the docstrings that SQLAlchemy adds to.
        *(unchanged(f"sqlalchemy/{package}/events.py") for package in ("engine", "orm", "pool", "sql")),
    ),
    Step.NO_DOCSTRINGS,
)

IMPORTS = Transform(
    "import statements",
    "SQLAlchemy imports each name in a statement of its own, 3,000 in all, and each asks the module whether it is a package.",
    3,
    step=Step.MERGED_IMPORTS,
)

EVALUATED = Transform(
    "types in quotes",
    "typing compiles each type in quotes, and collections the constructor of each named tuple: 300 texts, which the build has compiled.",
    8,
    step=Step.EVALUATED,
)

# next_value is not among them: what looks through the elements with a structure of their own finds it, as SQLAlchemy's tests do.
_FUNCTIONS = (
    "coalesce max min sum now pow concat char_length random count current_date current_time current_timestamp current_user "
    "localtime localtimestamp session_user sysdate user array_agg any_ all_ some mode percentile_cont percentile_disc rank dense_rank "
    "percent_rank cume_dist cube rollup grouping_sets aggregate_strings"
)
_WITH_TEXTS = (
    "coalesce current_date current_time current_timestamp current_user localtime localtimestamp random sysdate session_user user cube rollup "
    "grouping_sets"
)

SQL_FUNCTIONS = Transform(
    "SQL functions",
    "SQLAlchemy makes a class for each of 34 SQL functions, and each has 57 classes above it.",
    7,
    (
        Edit(
            "sqlalchemy/sql/functions.py",
            "    util.defaultdict(dict)\n)\n",
            "    util.defaultdict(dict)\n); __getattr__, __dir__, _registry['_default'] = "
            f"{FUNCTIONS}.prepare(globals(), {{'any': 'any_', 'all': 'all_'}})\n",
        ),
        Edit(
            "sqlalchemy/sql/compiler.py",
            "\nFUNCTIONS: Dict[Type[Function[Any]], str] = {\n",
            f"\nFUNCTIONS: Dict[Type[Function[Any]], str] = {FUNCTIONS}.texts(functions, {{\n",
        ),
        *(Edit("sqlalchemy/sql/compiler.py", f"    functions.{name}: ", f'    "{name}": ') for name in _WITH_TEXTS.split()),
        Edit("sqlalchemy/sql/compiler.py", '"GROUPING SETS",\n}\n', '"GROUPING SETS",\n})\n'),
    ),
    later=("sqlalchemy/sql/functions.py", tuple(each for name in _FUNCTIONS.split() for each in (name, f"_{name}_func"))),
)

SHARED = Transform(
    "equal constants",
    "A module has constants of its own where another one has equal ones, and a function the kinds of its variables.",
    1.5,
    step=Step.SHARED,
    saves_memory=0.8,
)

TRANSFORMS: tuple[Transform, ...] = (
    ASYNCIO,
    METADATA,
    PLATFORM,
    SMALL,
    INSPECT,
    DIALECTS,
    CONNECTOR,
    DECORATORS,
    DATACLASSES,
    ANNOTATIONS,
    EXPRESSIONS,
    DOCSTRINGS,
    IMPORTS,
    EVALUATED,
    SQL_FUNCTIONS,
    SHARED,
)

_HOOK = '__import__("importlib.util").util.find_spec("rdspool_imports") and __import__("rdspool_imports")'

HOOKS = (
    Transform(
        "hooks",
        "The bytecode of the packages themselves, which Python finds, makes it find their modules in the archives.",
        0,
        (
            Edit("sqlalchemy/__init__.py", "\nfrom __future__ import annotations\n", f"\nfrom __future__ import annotations; {_HOOK}\n"),
            Edit("mysql/__init__.py", "# 51 Franklin St, Fifth Floor, Boston, MA 02110-1301  USA\n", f"{_HOOK}\n"),
        ),
    ),
)
