"""DB-API 2.0's suite on the driver that the environment names: what dbapi20.py leaves to each driver, and no more."""

import importlib

import dbapi20
from peers_plugin import TARGET
from shim import MODULES


class TestDriver(dbapi20.DatabaseAPI20Test):
    """The suite's tests, with the procedures that two of them call."""

    driver = importlib.import_module(MODULES[TARGET["driver"]])
    connect_kw_args = TARGET["connect"]
    lower_func = "to_lower"

    # What an option for large columns does is the driver's to test, and there are none: PEP 249 lets the method do nothing.
    test_setoutputsize = None

    def _execute(self, *statements):
        connection = self._connect()
        try:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
        finally:
            connection.close()

    def test_callproc(self):
        self._execute("CREATE PROCEDURE to_lower(IN given VARCHAR(20)) SELECT LOWER(given)")
        try:
            super().test_callproc()
        finally:
            self._execute("DROP PROCEDURE to_lower")

    def test_nextset(self):
        # The base class has this very test, but hides it behind a second one of the same name.
        connection = self._connect()
        try:
            cursor = connection.cursor()
            self.executeDDL1(cursor)
            for statement in self._populate():
                cursor.execute(statement)
            connection.commit()
            tables = {"tp": self.table_prefix}
            cursor.execute(
                "CREATE PROCEDURE deleteme() BEGIN SELECT COUNT(*) FROM %(tp)sbooze; SELECT name FROM %(tp)sbooze; END" % tables  # noqa: UP031
            )
            try:
                cursor.callproc("deleteme")
                self.assertEqual(cursor.fetchone()[0], len(self.samples))  # noqa: PT009 - a unittest.TestCase, as the suite is
                self.assertTrue(cursor.nextset())  # noqa: PT009
                self.assertEqual(len(cursor.fetchall()), len(self.samples))  # noqa: PT009
                self.assertIsNone(cursor.nextset())  # noqa: PT009
            finally:
                connection.rollback()  # else DROP would wait for this transaction's end
                self._execute("DROP PROCEDURE deleteme")
        finally:
            connection.close()


del dbapi20  # its class is a TestCase that would run by itself
