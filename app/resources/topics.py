"""The built-in vocabularies as topics of the database, for resources to point at."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.resources.metadata import TOPIC_SCHEMES
from app.resources.models import Topic
from app.resources.vocabulary import SCHEMES


def seed_topics(session: Session) -> None:
    """Let every concept of the built-in lists be there with its labels. Idempotent."""
    held = {(topic.scheme, topic.code): topic for topic in session.scalars(select(Topic))}
    for scheme in TOPIC_SCHEMES.values():
        for position, (code, labels) in enumerate(SCHEMES.get(scheme, {}).items()):
            topic = held.get((scheme, code)) or Topic(scheme=scheme, code=code)
            topic.labels, topic.position = labels._asdict(), position
            session.add(topic)
