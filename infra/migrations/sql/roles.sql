-- One role per application, without login: an application logs in as the migrating account and takes its role.
-- Roles belong to the whole server, so other databases may have made them, even at this moment.
do $$
declare
    name text;
begin
    foreach name in array array['mimo_command', 'mimo_projector', 'mimo_query'] loop
        if not exists (select from pg_roles where rolname = name) then
            begin
                execute format('create role %I nologin', name);
            exception
                when duplicate_object or unique_violation then null;
            end;
        end if;
        if not pg_has_role(current_user, name, 'SET') then
            execute format('grant %I to %I', name, current_user);
        end if;
    end loop;
end $$;
