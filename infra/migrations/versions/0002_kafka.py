"""What distributing the log through Kafka needs, and erasing people.

It must not know the applications: SQL lives in the files beside, in `sql/`.
"""

from infra.migrations.scripts import run_file

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the relay's role and books, the place for undecodable records, and let erasing end sessions."""
    run_file("relay.sql")
    run_file("erased.sql")
