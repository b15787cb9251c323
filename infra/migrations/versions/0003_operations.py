"""What the operators' desk shows: processes, progress, generations.

It must not know the applications: SQL lives in the files beside, in `sql/`.
"""

from infra.migrations.scripts import run_file

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the books that hold what is shown and need not survive."""
    run_file("operations.sql")
