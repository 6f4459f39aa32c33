"""The baseline of the imports: only `import sqlalchemy, mysql.connector`."""

from __future__ import annotations

from .contender import Contender


class Imports(Contender):
    name = "imports"
    label = "import sqlalchemy, mysql.connector"
    how = "only the two imports, without an engine"
    packages = ("SQLAlchemy", "mysql-connector-python")
    engines = False

    def load(self) -> None:
        import mysql.connector  # noqa: F401
        import sqlalchemy  # noqa: F401
