"""An HTTP API for notes, with SQLAlchemy's ORM."""

import json
from typing import Any

from rdspool import get_engine
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = get_engine()


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(200))

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text}


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    # The block's end closes the session. Only what was committed stays.
    with Session(engine) as session:
        match event["routeKey"]:
            case "GET /notes":
                return answer(200, [note.shown() for note in session.scalars(select(Note).order_by(Note.id))])
            case "GET /notes/{id}":
                number = event["pathParameters"]["id"]
                found = session.get(Note, int(number)) if number.isdecimal() else None
                return answer(200, found.shown()) if found else answer(404, {"error": f"there is no note {number}"})
            case _:
                return add(session, event.get("body") or "")


def add(session: Session, body: str) -> dict[str, Any]:
    try:
        text = json.loads(body)["text"]
    except (ValueError, TypeError, KeyError):
        text = None
    if not isinstance(text, str) or not 0 < len(text) <= 200:
        return answer(400, {"error": 'send {"text": "..."} with 1 to 200 characters'})
    note = Note(text=text)
    session.add(note)
    session.flush()  # the note gets its id
    shown = note.shown()
    session.commit()
    return answer(201, shown)


def answer(status: int, body: Any) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
