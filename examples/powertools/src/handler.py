"""An HTTP API with Powertools: routes, a structured log, metrics, and an answer for a database that can't be reached."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from rdspool import ConnectError, DeadlineError, get_engine, run
from sqlalchemy import Connection, exc, text

logger = Logger(service="shop")
copy_config_to_registered_loggers(logger, log_level="WARNING", include={"rdspool"})  # its warnings become JSON, too
metrics = Metrics(namespace="Shop", service="shop")
app = APIGatewayHttpResolver()
engine = get_engine()

FIND = text("SELECT item, amount FROM stock WHERE item = :item")
TAKE = text("UPDATE stock SET amount = amount - 1 WHERE item = :item AND amount > 0")


@app.get("/stock/<item>")
def find(item: str) -> dict[str, Any]:
    with engine.connect() as connection:
        row = connection.execute(FIND, {"item": item}).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"there is no {item}")
    return dict(row)


@app.post("/stock/<item>/sale")
def sell(item: str) -> dict[str, Any]:
    def take(connection: Connection) -> int:
        return connection.execute(TAKE, {"item": item}).rowcount

    if not run(engine, take):
        raise NotFoundError(f"there is no {item} left")
    metrics.add_metric(name="Sales", unit=MetricUnit.Count, value=1)
    return {"sold": item}


@app.exception_handler(exc.DBAPIError)  # type: ignore[untyped-decorator]
def failed(error: exc.DBAPIError) -> Response[Any]:
    if not isinstance(error.orig, (ConnectError, DeadlineError)):
        raise error
    logger.error("the database can't be reached", exc_info=error)
    metrics.add_metric(name="DatabaseUnreachable", unit=MetricUnit.Count, value=1)
    return Response(503, "application/json", {"message": "try again later"}, headers={"Retry-After": "5"})


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric(name="Requests", unit=MetricUnit.Count, value=1)
    return app.resolve(event, context)
