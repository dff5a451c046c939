"""Reads a package's imports from its sources and says which break the floors of docs/architecture.md."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# From the ground up. A room may use the rooms of lower floors and, on the ground floor only, its neighbours.
FLOORS = (
    ("privacy", "sentences", "settings", "hardware", "store", "owner"),
    ("models",),
    ("engines",),
    ("knowledge",),
    ("chat",),
    ("compare",),
    ("services",),
    ("commands",),
    ("ui", "api", "share"),
    ("server",),
    ("cli",),
    ("__main__",),
)
GROUND = FLOORS[0]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Library → the places that may import it. Everything else would carry its weight into the page process.
WORKER = ("engines/worker",)
ONLY_IN: Mapping[str, tuple[str, ...]] = {
    "torch": WORKER,
    "transformers": WORKER,
    "bitsandbytes": WORKER,
    "accelerate": WORKER,
    "sentence_transformers": WORKER,
    "peft": WORKER,
    "gradio": ("ui", "share"),
    "chromadb": ("knowledge",),
}


@dataclass(frozen=True)
class Import:
    """`module` is what is imported, in full; `line` counts from 1."""

    module: str
    line: int


def imports(source: Path, package: Path) -> Iterator[Import]:
    """Every import of a file, in functions too: a late import is still a dependency."""
    tree = ast.parse(source.read_text(encoding="utf-8"), filename=str(source))
    here = module_name(source, package).split(".")
    if source.name != "__init__.py":
        here = here[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*here[: len(here) - node.level + 1], node.module or ""]).strip(".")
            base = base if node.level else node.module or ""
            yield from (Import(f"{base}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            yield Import(node.args[0].value, node.lineno)  # type: ignore[attr-defined]


def _imports_by_name(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    first = call.args[0] if call.args else None
    literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return literal and name in ("import_module", "__import__")


def module_name(source: Path, package: Path) -> str:
    """`studio/chat/chain.py` → `studio.chat.chain`; `studio/chat/__init__.py` → `studio.chat`."""
    parts = source.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """`studio.chat.chain` → `chat`; the package itself has no room."""
    return module.split(".")[1] if "." in module else ""


def breaches(package: Path) -> list[str]:
    """One sentence for each import that runs up, sideways, in a circle, or to a library not meant there."""
    found: list[str] = []
    graph: dict[str, set[str]] = {}
    modules = {module_name(source, package): source for source in sorted(package.rglob("*.py"))}
    for module, source in modules.items():
        graph[module] = set()
        for imported in imports(source, package):
            place = f"{source.relative_to(package.parent).as_posix()}:{imported.line}"
            target = _module_of(imported.module, modules)
            if target is None:
                found += _library_breaches(imported.module, source.relative_to(package), place)
            else:
                found += _floor_breaches(module, target, place)
                graph[module].add(target)
        graph[module].discard(module)
    return found + _circles(graph)


def _module_of(name: str, modules: Mapping[str, Path]) -> str | None:
    """The module of the package that `name` (a module or a name in one) stands for; None for libraries."""
    if name in modules:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in modules else None


def _library_breaches(name: str, source: Path, place: str) -> list[str]:
    library = name.partition(".")[0]
    allowed = ONLY_IN.get(library)
    if allowed is None or {source.as_posix(), *map(Path.as_posix, source.parents)} & set(allowed):
        return []
    return [f"{place}: {library} may only be imported in {' and '.join(allowed)}"]


def _floor_breaches(module: str, target: str, place: str) -> list[str]:
    upper, lower = room_of(module), room_of(target)
    if upper == lower or not lower or not upper:
        return []
    unknown = [room for room in (upper, lower) if room not in FLOOR_OF]
    if unknown:
        return [f"{place}: {unknown[0]} stands on no floor of tests/floors.py"]
    if FLOOR_OF[lower] > FLOOR_OF[upper]:
        return [f"{place}: {module} imports {target}, which stands on a higher floor"]
    if FLOOR_OF[lower] == FLOOR_OF[upper] and upper not in GROUND:
        return [f"{place}: {module} imports {target}, which stands beside it on the same floor"]
    return []


def _circles(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["imports run in a circle: " + " → ".join(error.args[1])]
    return []
