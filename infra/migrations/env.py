"""What Alembic runs for each command: it hands over the connection that the runner made.

It must not know where the database is; `runner` does.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="mimo_migration")
with context.begin_transaction():
    context.run_migrations()
