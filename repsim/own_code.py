"""The source behind a function of one's own, as a digest that no comment or line break changes.

A model or data set named ``module:function`` is determined by the source of its module and of what
that module imports. Installed packages are left out, apart from the one that the function itself
belongs to: their versions are the environment's. Modules are found as Python finds them, and none
is executed for it.
"""

import ast
import functools
import hashlib
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from repsim.options import is_dotted
from repsim.study.digest import digest

__all__ = ["OwnCode", "own_code"]

# Accidental equality is no concern at 64 bits, and a person may have to copy it.
DIGITS = 16

# Statements that compute nothing, and fields that hold no more than spelling: u"" for "", and
# whether a name is read or written, which its place says already.
SPELLING = {"kind", "ctx", "type_comment"}

INSTALLED = {"site-packages", "dist-packages"}
IMPORTERS = {"import_module", "__import__"}
LOADERS = {"exec", "run_module", "run_path", "spec_from_file_location"}


@dataclass(frozen=True, kw_only=True)
class OwnCode:
    """The source that a function of one's own depends on."""

    files: tuple[tuple[str, str], ...]
    """Path of each file as its module names it, such as ``nets/blocks.py``, and its digest."""
    uncovered: tuple[str, ...] = ()
    """What the code imports and the digest does not cover, in words."""
    stands_for: str = ""
    """Digest of earlier code that a study accepts this for; empty where it accepts none."""

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits: of the syntax of all files, wherever they are."""
        return digest(self.files)[:DIGITS]

    @property
    def counted(self) -> str:
        """The digest that enters keys."""
        return self.stands_for or self.digest


def own_code(path: str) -> OwnCode | None:
    """The code behind ``package.module:function``; None for a name that is not of this form.

    Read once for each time that the module is loaded in a process, so that the answer is about the
    code that runs and not about an edit since.

    Examples
    --------
    >>> own_code("resnet18") is None
    True
    >>> own_code("fractions:Fraction").files[0][0]
    'fractions.py'
    """
    if not is_dotted(path):
        return None
    module = path.partition(":")[0]
    return _own_code(module, sys.modules.get(module))


@functools.cache
def _own_code(module: str, loaded: ModuleType | None) -> OwnCode:  # noqa: ARG001 - tells reloads apart
    walk = _Walk(top=module.partition(".")[0])
    walk.follow(module)
    return OwnCode(files=tuple(sorted(walk.files.items())), uncovered=tuple(sorted(walk.uncovered)))


@dataclass(frozen=True, kw_only=True)
class _Module:
    """Where a module is: a file, folders with modules, or both."""

    name: str
    source: Path | None
    folders: tuple[str, ...] | None

    @property
    def file(self) -> str:
        """Its file as its name has it, the same wherever it is installed."""
        place = self.name.replace(".", "/")
        return f"{place}.py" if self.folders is None else f"{place}/__init__.py"


@dataclass
class _Walk:
    """From one module to everything of one's own that it imports."""

    top: str
    """The package of the function, one's own even where it is installed."""
    files: dict[str, str] = field(default_factory=dict)
    uncovered: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def follow(self, name: str) -> None:
        """Read a module, the packages above it, and what they import."""
        waiting = [(name, "the study")]
        while waiting:
            for module in self._chain(*waiting.pop()):
                if module.name not in self.seen:
                    self.seen.add(module.name)
                    waiting += [(imported, module.file) for imported in self._read(module)]

    def _chain(self, name: str, importer: str) -> Iterator[_Module]:
        """The packages above a module, and the module, as far as they are one's own.

        ``from package import name`` may mean a module or something in the package: a last part
        that is no module is no matter.
        """
        folders: tuple[str, ...] | None = None
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            module = _find(".".join(parts[:end]), folders)
            if module is None:
                known = parts[0] in self.seen or parts[0] in sys.stdlib_module_names
                if end == 1 and not known:
                    self.seen.add(parts[0])
                    self.uncovered.add(f"{parts[0]} (imported by {importer}, not found)")
                return
            if module.source is not None and not self._is_own(module, module.source):
                return
            yield module
            folders = module.folders
            if folders is None:
                return

    def _is_own(self, module: _Module, source: Path) -> bool:
        if source.resolve().is_relative_to(Path(__file__).resolve().parent):
            return False  # repsim itself: its stages have versions
        return module.name.partition(".")[0] == self.top or not _is_installed(module, source)

    def _read(self, module: _Module) -> list[str]:
        """Note the file of a module; the names that it imports."""
        if module.source is None:
            return []
        try:
            content = module.source.read_bytes() if module.source.suffix == ".py" else None
        except OSError:
            content = None
        if content is None:
            self.uncovered.add(f"{module.name} (no Python source: {module.source.name})")
            return []
        try:
            tree = ast.parse(content)
            self.files[module.file] = syntax_digest(tree)
        except (SyntaxError, ValueError, RecursionError):
            self.files[module.file] = hashlib.sha256(content).hexdigest()[:DIGITS]
            self.uncovered.add(f"what {module.file} imports (it cannot be parsed)")
            return []
        return list(self._imported(tree, module))

    def _imported(self, tree: ast.AST, module: _Module) -> Iterator[str]:
        """Absolute names of everything that is imported, also inside functions."""
        above = module.name.split(".")
        above = above[:-1] if module.folders is None else above
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = _absolute(node.module or "", node.level, above)
                yield from (_absolute(alias.name, 1, [base]) for alias in node.names)
            elif isinstance(node, ast.Call) and _called(node) in IMPORTERS:
                name = node.args[0] if node.args else None
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    relative = name.value.lstrip(".")
                    yield _absolute(relative, len(name.value) - len(relative), above)
                else:
                    self.uncovered.add(f"a module that {module.file} imports by a computed name")
            elif isinstance(node, ast.Call) and _called(node) in LOADERS:
                self.uncovered.add(f"code that {module.file} runs by {_called(node)}")


def syntax_digest(tree: ast.AST) -> str:
    """Digest of a syntax tree: not of its lines, comments, docstrings or spelling.

    Fields that are empty are left out, so that versions of Python that know more fields agree.
    """
    sha256 = hashlib.sha256()
    waiting: list[object] = [tree]
    while waiting:  # a long sum is nested deeper than Python may recurse
        item = waiting.pop()
        if isinstance(item, _Token):
            sha256.update(item.encode())
        elif isinstance(item, ast.AST):
            sha256.update(f"({type(item).__name__}".encode())
            waiting.append(_Token(")"))
            for name, value in sorted(_fields(item).items()):
                waiting += [value, _Token(f" {name}=")]
        elif isinstance(item, list):
            sha256.update(b"[")
            waiting.append(_Token("]"))
            waiting += [kept for kept in reversed(item) if not _does_nothing(kept)]
        else:
            sha256.update(f"{type(item).__name__} {item!a},".encode())
    return sha256.hexdigest()[:DIGITS]


def _fields(node: ast.AST) -> dict[str, object]:
    """Fields of a node that are not empty and not mere spelling."""
    fields = {
        name: value
        for name, value in ast.iter_fields(node)
        if name not in SPELLING and value != [] and (value is not None or name == "value")
    }
    if isinstance(node, ast.JoinedStr):
        # Python 3.12.1 has empty strings between the parts of an f-string.
        fields["values"] = [v for v in node.values if getattr(v, "value", None) != ""]
    return fields


class _Token(str):
    """Punctuation between nodes, told apart from a string of the source."""

    __slots__ = ()


def _does_nothing(node: object) -> bool:
    """Whether it is a docstring, another bare constant, or ``pass``."""
    bare = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return bare or isinstance(node, ast.Pass)


def _find(name: str, folders: Sequence[str] | None) -> _Module | None:
    """As Python finds a module, without executing the packages above it.

    Source None: a namespace, which has none, built in, or frozen.
    """
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if spec is None and folders is None:
        specs = (finder.find_spec(name, None) for finder in sys.meta_path)
        spec = next((found for found in specs if found is not None), None)
    elif spec is None:
        # By its last part: a namespace asks for the loaded package above it.
        spec = PathFinder.find_spec(name.rpartition(".")[2], folders)
    if spec is None:
        return None
    below = spec.submodule_search_locations
    return _Module(
        name=name,
        source=Path(spec.origin) if spec.has_location and spec.origin else None,
        folders=None if below is None else tuple(below),
    )


def _is_installed(module: _Module, source: Path) -> bool:
    """Whether a module is of the standard library or of a package that was installed."""
    if INSTALLED & set(source.parts):
        return True
    standard = {Path(sysconfig.get_path(which)).resolve() for which in ("stdlib", "platstdlib")}
    if any(source.resolve().is_relative_to(folder) for folder in standard):
        return True
    # `pip install --target FOLDER` leaves the records of what it installs beside the packages.
    folder = source.parents[module.file.count("/")]
    return any(folder.glob("*.dist-info"))


def _absolute(name: str, level: int, above: Sequence[str]) -> str:
    """A relative import (``level`` dots) from inside the package `above`."""
    base = above[: len(above) - level + 1] if level else []
    return ".".join(filter(None, [*base, name]))


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))
