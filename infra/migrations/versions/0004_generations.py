"""Scratch schemas, and who follows the generations of another version of the code.

It must not know the applications: SQL lives in the files beside, in `sql/`.
"""

from infra.migrations.scripts import run_file

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Let generations be kept to be looked at, and be let go of when nobody follows them."""
    run_file("generations.sql")
