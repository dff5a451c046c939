"""No import runs up a floor, none runs in a circle, and the heavy libraries stay in their rooms."""

from pathlib import Path

import pytest
from floors import FLOORS, breaches

ROOT = Path(__file__).resolve().parent.parent


def house(folder: Path, **files: str) -> Path:
    """A made-up package `studio`; `chat__chain="…"` writes `studio/chat/chain.py`."""
    package = folder / "studio"
    for name, source in {"__init__": "", **files}.items():
        path = package / f"{name.replace('__', '/') if not name.startswith('__') else name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(source)
    return package


def test_studio_keeps_its_floors() -> None:
    assert breaches(ROOT / "studio") == []


def test_every_room_of_the_studio_has_a_floor() -> None:
    rooms = {path.stem for path in (ROOT / "studio").glob("*.py")} | {
        path.parent.name for path in (ROOT / "studio").glob("*/__init__.py")
    }
    assert rooms - {"__init__"} <= {room for floor in FLOORS for room in floor}


def test_the_picture_names_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {room for floor in FLOORS for room in floor if room != "__main__"}
    assert [room for room in sorted(rooms) if f"`{room}" not in text] == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"knowledge__base": "from studio.chat import chain", "chat__chain": ""}, "higher floor"),
        ({"knowledge__base": "import studio.chat.chain", "chat__chain": ""}, "higher floor"),
        ({"knowledge__base": "from ..chat.chain import reply", "chat__chain": ""}, "higher floor"),
        ({"engines__pool": "def f():\n    from studio import services", "services": ""}, "higher floor"),
        ({"api": "from studio.share import Share", "share": ""}, "same floor"),
        ({"chat__a": "import studio.chat.b", "chat__b": "import studio.chat.a"}, "circle"),
        ({"store": "import studio.settings", "settings": "import studio.store"}, "circle"),
        ({"knowledge__split": "from transformers import AutoTokenizer"}, "transformers may only"),
        ({"engines__pool": "import torch.nn"}, "torch may only"),
        (
            {"services": "def f():\n    import importlib\n    importlib.import_module('torch')"},
            "torch may only",
        ),
        ({"api": "import gradio as gr"}, "gradio may only"),
        ({"attic": "import studio.store", "store": ""}, "no floor"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, files: dict[str, str], said: str) -> None:
    found = breaches(house(tmp_path, **files))
    assert len(found) == 1
    assert said in found[0]


def test_what_is_allowed_is_not_a_breach(tmp_path: Path) -> None:
    package = house(
        tmp_path,
        chat__chain="from studio.knowledge import base\nfrom studio import store\nfrom . import events",
        chat__events="",
        knowledge__base="import chromadb",
        store="from studio.sentences import StudioError",
        sentences="",
        engines__worker__main="import torch\nfrom transformers import AutoModelForCausalLM",
        ui__app="import gradio",
        share__tunnel="from gradio.tunneling import Tunnel",
    )
    assert breaches(package) == []
