import csv
import gzip
import os

import boto3
import handler as report
import pytest
from handler import handler
from moto import mock_aws
from sqlalchemy import text

EVENT = {"time": "2026-11-25T03:00:00Z"}


@pytest.fixture(scope="session")
def tables(rdspool_engine):
    with rdspool_engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(100), amount INT, placed DATETIME)"))


@pytest.fixture
def order(tables, rdspool_rollback):
    """Return a function that adds orders, each a tuple of id, item, amount and time."""

    def add(*orders):
        with rdspool_rollback.begin() as connection:
            for values in orders:
                keys = dict(zip(("id", "item", "amount", "placed"), values, strict=True))
                connection.execute(text("INSERT INTO orders VALUES (:id, :item, :amount, :placed)"), keys)

    return add


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(report, "FILE", tmp_path / "orders.csv.gz")


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("REPORT_BUCKET", "reports")
    # Not moto's own credentials, which could not sign in to a database with IAM.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, os.environ.get(name, "testing"))
    with mock_aws(config={"core": {"mock_credentials": False}}):
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield s3


def test_the_report_has_the_orders_of_the_day_before(order, bucket, lambda_context):
    order(
        (1, "tea", 2, "2026-11-23 23:59:59"),
        (2, "tea", 1, "2026-11-24 00:00:00"),
        (3, 'tea, "green"', 5, "2026-11-24 23:59:59"),
        (4, "tea", 3, "2026-11-25 00:00:00"),
    )
    answer = handler(EVENT, lambda_context)
    assert answer == {"key": "orders/2026-11-24.csv.gz", "orders": 2}
    content = bucket.get_object(Bucket="reports", Key=answer["key"])["Body"].read()
    assert list(csv.reader(gzip.decompress(content).decode().splitlines())) == [
        ["id", "item", "amount", "placed"],
        ["2", "tea", "1", "2026-11-24 00:00:00"],
        ["3", 'tea, "green"', "5", "2026-11-24 23:59:59"],
    ]


@pytest.mark.usefixtures("order")
def test_a_day_without_orders(lambda_context):
    assert handler(EVENT, lambda_context)["orders"] == 0


def test_more_rows_than_are_read_at_once(order, lambda_context):
    order(*((number, "tea", 1, "2026-11-24 12:00:00") for number in range(2500)))
    assert handler(EVENT, lambda_context)["orders"] == 2500
