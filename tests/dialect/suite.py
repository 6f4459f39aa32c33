"""SQLAlchemy's own tests for dialects, as its wheel brings them."""

from sqlalchemy.testing.suite import *  # noqa: F403
