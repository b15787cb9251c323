"""The log, the projections' bookkeeping, what texts are found by, and one role for each application.

It must not know the applications: SQL lives in the files beside, in `sql/`.
"""

import uuid

import sqlalchemy as sa
from alembic import context, op

from infra.migrations.scripts import run_file

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

FILES = ("roles.sql", "log.sql", "append.sql", "access.sql", "projection.sql", "search.sql")
NEW_INSTALLATION = sa.text("insert into log.installation (log_id, partitions) values (:log_id, :partitions)")


def upgrade() -> None:
    """Make everything, and give this history its id and its number of partitions."""
    for name in FILES:
        run_file(name)
    partitions = context.config.attributes["partitions"]
    op.get_bind().execute(NEW_INSTALLATION, {"log_id": uuid.uuid4(), "partitions": partitions})
