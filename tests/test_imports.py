"""The house as it is built: imports run downwards only, modules and functions stay short."""

import ast
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "audetnet").rglob("*.py"))
SCRIPTS = sorted((ROOT / "create_dataset").rglob("*.py"))
LAYERS = {
    "errors": 0,
    "files": 0,
    "machine": 0,
    "console": 0,
    "seeds": 0,
    "labels": 0,
    "registry": 0,
    "drawing": 0,
    "recogniser": 0,
    "faces": 1,
    "config": 1,
    "distributed": 1,
    "data": 2,
    "networks": 2,
    "objectives": 3,
    "vocabulary": 4,
    "evaluation": 4,
    "disentangling": 5,
    "training": 5,
    "prediction": 5,
    "baselines": 5,
    "results": 6,
    "commands": 7,
}
"""A package imports from its own layer and those below; a new package needs a layer."""
SCRIPT_LAYERS = {
    "summary": 0,
    "worker_pool": 0,
    "labels": 1,
    "splitting": 1,
    "balancing": 1,
    "checking": 1,
    "extraction": 2,
    "rendering": 2,
    "balance": 3,
    "bp4d_labels": 3,
    "check": 3,
    "csv_labels": 3,
    "disfa_labels": 3,
    "frames": 3,
    "render": 3,
    "splits": 3,
}
"""The same of create_dataset: scripts on top, which nothing imports."""
NEVER = {
    "data": ("audetnet.networks",),
    "config": ("torch",),
    "evaluation/metrics.py": ("audetnet", "torch"),
    "data/momu.py": ("audetnet", "torch"),
    "data/augment.py": ("audetnet",),
    "faces": ("audetnet.data", "torch"),
    "objectives": ("audetnet.evaluation", "audetnet.training"),
    "training": ("audetnet.disentangling", "audetnet.baselines"),
    "disentangling": ("audetnet.training", "audetnet.baselines"),
    "prediction": ("audetnet.disentangling", "audetnet.baselines", "create_dataset"),
}
"""More forbidden imports of a package or module: pure mathematics stays usable alone, options are
read without torch, and packages of a layer stay independent.
"""
MOST_BY_POSITION, MOST_ON_TOP = 3, 6
LONGEST_MODULE, LONGEST_FUNCTION = 300, 60


def _inside(path: Path) -> str:
    return path.relative_to(ROOT / "audetnet").as_posix()


def _from_root(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, those in functions included; ``from audetnet.a import b`` is
    audetnet.a.b where that is a module.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = list(path.relative_to(ROOT).with_suffix("").parts)[: -node.level or None]
            base = ".".join([*(package if node.level else []), *filter(None, [node.module])])
            for alias in node.names:
                inner = ROOT.joinpath(*base.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                yield node.lineno, f"{base}.{alias.name}" if is_module else base


def _package_of(module: str, package: str = "audetnet") -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == package and len(parts) > 1 else None


def _is_of(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def test_the_walk_sees_the_package() -> None:
    """Otherwise the tests below would pass vacuously."""
    seen = {module for path in MODULES for _, module in _imports(path)}
    assert {_inside(path) for path in MODULES} >= {"errors.py", "data/momu.py", "commands/train.py"}
    assert {"audetnet.errors", "audetnet.data.cache", "torch", "numpy"} <= seen


@pytest.mark.parametrize("path", MODULES, ids=_inside)
def test_imports_run_downwards_only(path: Path) -> None:
    own = Path(_inside(path)).with_suffix("").parts[0]
    if own == "__init__":  # its one name is imported when it is asked for
        packages = {_package_of(module) for _, module in _imports(path)} - {None}
        assert packages == {"prediction"}
        return
    assert own in LAYERS, f"{own} has no layer yet"
    upward = [
        f"{_inside(path)}:{line} imports {module}"
        for line, module in _imports(path)
        if (imported := _package_of(module)) is not None and LAYERS[imported] > LAYERS[own]
    ]
    assert upward == []


def test_few_modules_are_outside_packages() -> None:
    on_top = [p.name for p in MODULES if p.parent.name == "audetnet" and p.stem != "__init__"]
    assert len(on_top) <= MOST_ON_TOP, f"{on_top}: which package does the new one belong to?"


@pytest.mark.parametrize("path", SCRIPTS, ids=_from_root)
def test_scripts_import_downwards(path: Path) -> None:
    own = path.relative_to(ROOT / "create_dataset").with_suffix("").parts[0]
    if own == "__init__":
        assert list(_imports(path)) == []
        return
    assert own in SCRIPT_LAYERS, f"{own} has no layer yet"
    below = SCRIPT_LAYERS[own] if path.parent.name != "create_dataset" else SCRIPT_LAYERS[own] - 1
    upward = [
        f"{_from_root(path)}:{line} imports {module}"
        for line, module in _imports(path)
        if (imported := _package_of(module, "create_dataset")) is not None
        and SCRIPT_LAYERS[imported] > below
    ]
    assert upward == []


@pytest.mark.parametrize("path", MODULES, ids=_inside)
def test_forbidden_imports(path: Path) -> None:
    name = _inside(path)
    forbidden = [*NEVER.get(name, ()), *NEVER.get(name.split("/")[0], ())]
    found = [
        f"{name}:{line} imports {module}"
        for line, module in _imports(path)
        if any(_is_of(module, package) for package in forbidden)
    ]
    assert found == []


RENDERING = [path for path in SCRIPTS if "rendering" in path.parts]
NEVER_IN_RENDERING = ("torch", *(f"audetnet.{name}" for name, layer in LAYERS.items() if layer > 2))


@pytest.mark.parametrize("path", RENDERING, ids=_from_root)
def test_rendering_knows_no_network(path: Path) -> None:
    """Each of its processes would load torch; and faces must not depend on who learns from them."""
    found = [
        f"{_from_root(path)}:{line} imports {module}"
        for line, module in _imports(path)
        if any(_is_of(module, package) for package in (*NEVER_IN_RENDERING, "audetnet.networks"))
    ]
    assert found == []


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=lambda p: p.stem)
def test_figures_are_made_in_one_way(path: Path) -> None:
    """By audetnet.drawing, which shows names as they are."""
    made = re.findall(r"^from matplotlib.figure import .*\bFigure\b", path.read_text(), re.M)
    assert len(made) == (path.name == "drawing.py")


def _by_position(node: ast.ClassDef) -> list[str]:
    """The fields of a dataclass that may be given by position."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    (dataclass,) = [text for text in decorators if text.split("(")[0] == "dataclass"] or [""]
    if not dataclass or "kw_only=True" in dataclass:
        return []
    fields: list[str] = []
    for line in node.body:
        if isinstance(line, ast.AnnAssign):
            kind = ast.unparse(line.annotation)
            if kind == "KW_ONLY":
                break
            if not kind.startswith("ClassVar"):
                fields.append(ast.unparse(line.target))
    return fields


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=_from_root)
def test_classes_of_many_fields_are_built_by_keyword(path: Path) -> None:
    """A fourth field by position is one that a reader has to count."""
    classes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef)]
    found = {node.name: _by_position(node) for node in classes}
    assert {name: f for name, f in found.items() if len(f) > MOST_BY_POSITION} == {}


@pytest.mark.parametrize("path", MODULES, ids=_inside)
def test_modules_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lengths = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }
    lines = len(text.splitlines())
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}
    if lines > LONGEST_MODULE:  # a new block must not fail for the length of its neighbours
        warnings.warn(f"{_inside(path)} has {lines} lines: has it one duty?", stacklevel=1)
