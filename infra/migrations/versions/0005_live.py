"""What live updates ask the log.

It must not know the applications: SQL lives in the files beside, in `sql/`.
"""

from infra.migrations.scripts import run_file

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Let the query API ask who may listen, and for the keys of texts."""
    run_file("live.sql")
