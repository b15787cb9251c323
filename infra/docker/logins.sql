-- Gives each application a login of its own, with the passwords that infra/docker/first_start.py made. The database's
-- container runs it once, when the cluster is new; it may be run again at any time, by psql as the superuser.

\set ON_ERROR_STOP on
\set mimo `cat /run/passwords/mimo`
\set command_api `cat /run/passwords/command_api`
\set query_api `cat /run/passwords/query_api`
\set projector `cat /run/passwords/projector`
\set relay `cat /run/passwords/relay`
\set operations `cat /run/passwords/operations`

select format('create role %I', name)
from unnest(array[
    'mimo_command', 'mimo_projector', 'mimo_query', 'mimo_relay',
    'mimo', 'command_api', 'query_api', 'projector', 'relay', 'operations'
]) name
where not exists (select from pg_roles where rolname = name)
\gexec

-- A random password gains nothing from many rounds of hashing, and each connection would pay for them.
set scram_iterations = 1;
alter role mimo login password :'mimo';
alter role command_api login password :'command_api';
alter role query_api login password :'query_api';
alter role projector login password :'projector';
alter role relay login password :'relay';
alter role operations login password :'operations';

-- The owner migrates, and the operator's commands run as it; each application may take its own role only.
-- The operations worker has two: it writes views, and its events.
grant mimo_command, mimo_projector, mimo_query, mimo_relay to mimo;
grant mimo_command to command_api;
grant mimo_query to query_api;
grant mimo_projector to projector;
grant mimo_relay to relay;
grant mimo_command, mimo_projector to operations;
select format('alter database %I owner to mimo', current_database())
\gexec
