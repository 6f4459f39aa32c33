"""The tables, their rows, and the statements of the measures."""

from __future__ import annotations

MANY = 10_000
FEW = 10
TABLE = """
    CREATE TABLE bench_rows (
        id INT PRIMARY KEY, name VARCHAR(64) NOT NULL, amount DECIMAL(12, 2) NOT NULL, rate DOUBLE NOT NULL, created DATETIME NOT NULL,
        day DATE NOT NULL, note TEXT NULL, active TINYINT(1) NOT NULL, digest VARBINARY(16) NOT NULL
    ) CHARACTER SET utf8mb4
"""
FILL = "INSERT INTO bench_rows VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
COUNTERS = "CREATE TABLE bench_counters (id INT PRIMARY KEY, v INT NOT NULL)"

FIRST = "SELECT 1"
SELECT = "SELECT name FROM bench_rows WHERE id = :id"
ROWS = "SELECT id, name, amount, rate, created, day, note, active, digest FROM bench_rows WHERE id <= :last"
WRITE = "UPDATE bench_counters SET v = v + 1 WHERE id = :id"


def row(number: int) -> tuple[object, ...]:
    """Return the values of one row."""
    return (
        number,
        f"customer número {number}",
        f"{number * 7 % 100_000}.{number % 100:02}",
        number / 7,
        f"2026-{number % 12 + 1:02}-{number % 28 + 1:02} {number % 24:02}:{number % 60:02}:00",
        f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        None if number % 3 else f"a note of some length about row {number}, as an application's texts are",
        number % 2,
        number.to_bytes(16),
    )
