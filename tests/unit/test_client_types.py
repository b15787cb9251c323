"""The types of the JavaScript client are those of its code, and the documented example keeps to them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.documents import blocks
from tests.system import ROOT
from tests.tools import node_packages, run_node

CLIENT = ROOT / "query_api" / "web" / "mimo-client"
COMPILER = ROOT / "tests" / "unit" / "client_types"
SETTINGS = {
    "noEmit": True, "strict": True, "allowJs": True, "target": "es2022", "module": "es2022", "lib": ["es2023", "dom"],
    "moduleResolution": "bundler", "types": [], "skipLibCheck": False,
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The code without its types, and the types beside it."""
    shutil.copytree(CLIENT, tmp_path / "code", ignore=shutil.ignore_patterns("*.d.ts"))
    shutil.copy(CLIENT / "mimo-client.d.ts", tmp_path / "types.d.ts")
    shutil.copy(COMPILER / "check.ts", tmp_path)
    return tmp_path


def complaints(place: Path, *files: str, **settings: bool) -> list[str]:
    """What the compiler finds wrong."""
    (place / "tsconfig.json").write_text(json.dumps({"compilerOptions": SETTINGS | settings, "files": files}))
    compiler = node_packages(COMPILER) / "node_modules" / "typescript" / "bin" / "tsc"
    return run_node(compiler, "--project", str(place)).stdout.splitlines()


def test_the_code_is_what_its_types_say(place: Path) -> None:
    assert complaints(place, "check.ts", strict=False) == []


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        ("signedIn: boolean", "signedIn: string"),
        ("  retry(clientMessageId: string): void;\n", ""),
        ("typing(channelId: Id): void;", "typing(channelId: Id): string;"),
        ("  endSession(sessionId: Id)", "  endThisSession(sessionId: Id)"),
        ("  forget(): void;", "  forget(): void;\n  more(): void;"),
    ],
)
def test_the_compiler_would_notice(place: Path, told: str, instead: str) -> None:
    text = (place / "types.d.ts").read_text()
    assert told in text
    (place / "types.d.ts").write_text(text.replace(told, instead, 1))
    assert complaints(place, "check.ts", strict=False) != []


def test_the_documented_example_keeps_to_the_types(place: Path) -> None:
    (example,) = (block for block in blocks((ROOT / "docs" / "frontend.md").read_text()) if block.language == "js")
    shutil.copy(CLIENT / "mimo-client.d.ts", place / "mimo-client.d.ts")
    head = "declare const process: { argv: string[] };\n"
    (place / "globals.d.ts").write_text(head)
    (place / "example.js").write_text(example.text)
    assert complaints(place, "globals.d.ts", "example.js", checkJs=True) == []


def test_the_lock_of_the_compiler_names_no_registry() -> None:
    packages = json.loads((COMPILER / "package-lock.json").read_text())["packages"]
    assert all(held["integrity"].startswith("sha512-") for name, held in packages.items() if name)
    assert not [name for name, held in packages.items() if "resolved" in held]
