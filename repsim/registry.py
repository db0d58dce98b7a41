"""Data sets, models and measures by name: built in, installed, or ``package.module:name``.

A built-in component is a module of the package of its kind, found by its file. An installed one is
an entry point of a Python package, in the group that is named as that package of repsim, such as
``repsim.measures``. Both the entry point and a name in a study refer to an object as
``package.module:name``.
"""

import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Generic, TypeVar

from repsim.errors import RepsimError, StudyError, unknown_name
from repsim.options import is_dotted
from repsim.own_code import OwnCode, own_code

__all__ = ["Registry", "call_dotted", "load_dotted"]

Component = TypeVar("Component")


@dataclass(frozen=True, kw_only=True)
class Registry(Generic[Component]):
    """The components of one kind.

    Parameters
    ----------
    kind
        The word for it in messages, such as ``"model"``.
    package
        Where the built-in ones are, and the group of entry points.
    offered
        The components of a module, by name, from its file's name and the module; none for a module
        that is something else. The package is searched once in a process.
    """

    kind: str
    package: str
    offered: Callable[[str, ModuleType], Mapping[str, Component]]

    @cached_property
    def _built_in(self) -> tuple[Mapping[str, Component], ...]:
        folders = importlib.import_module(self.package).__path__
        files = [entry.name for entry in pkgutil.iter_modules(folders) if not entry.ispkg]
        modules = {name: importlib.import_module(f"{self.package}.{name}") for name in files}
        return tuple(self.offered(name, module) for name, module in modules.items())

    @cached_property
    def _installed(self) -> dict[str, str]:
        return {entry.name: entry.value for entry in entry_points(group=self.package)}

    @property
    def names(self) -> tuple[str, ...]:
        """The built-in and installed ones, sorted."""
        built_in = {name for offered in self._built_in for name in offered}
        return tuple(sorted(built_in | self._installed.keys()))

    def built_in(self, name: str) -> Component | None:
        """The built-in component of this name, if there is one."""
        return next((offered[name] for offered in self._built_in if name in offered), None)

    def path_of(self, name: str) -> str | None:
        """``package.module:name`` of a component that is not built in; None for the others.

        A built-in component wins over an installed one of the same name.
        """
        if is_dotted(name):
            return name
        return None if self.built_in(name) is not None else self._installed.get(name)

    def code(self, name: str) -> OwnCode | None:
        """The code behind a component that is not built in, whose digest enters keys."""
        path = self.path_of(name)
        return None if path is None else own_code(path)

    def __getitem__(self, name: str) -> Component:
        """The built-in component of this name; StudyError, with the nearest, if there is none."""
        found = self.built_in(name)
        if found is None:
            raise StudyError(
                f"{unknown_name(self.kind, name, self.names)} A {self.kind} of your own is named "
                "'package.module:name'."
            )
        return found


def load_dotted(path: str, what: str) -> object:
    """Import the object that ``package.module:name`` refers to.

    Raises
    ------
    StudyError
        The path has another form, or the module cannot be imported or has no such name.

    Examples
    --------
    >>> load_dotted("fractions:Fraction", "number")
    <class 'fractions.Fraction'>
    """
    entry = EntryPoint(name=path, value=path, group=what)
    found = entry.pattern.fullmatch(path)
    if found is None or not found["attr"]:
        raise StudyError(f"Expected a {what} of the form 'package.module:name'. Got {path!r}.")
    try:
        return entry.load()
    # The module is somebody else's: whatever it raises on import, the study names the wrong thing.
    except Exception as error:
        module = sys.modules.get(entry.module)
        if module is not None:
            public = [name for name in vars(module) if not name.startswith("_")]
            raise StudyError(
                unknown_name(f"{what} in module {entry.module!r}", entry.attr, public)
            ) from None
        raise StudyError(
            f"Expected {what} {path!r} in a module that can be imported. "
            f"Got {type(error).__name__}: {error}. "
            "Install it in this environment or put its folder on PYTHONPATH."
        ) from error


def call_dotted(
    path: str,
    options: Mapping[str, object],
    *,
    what: str,
    given: Mapping[str, object] | None = None,
    known: Iterable[str] = (),
) -> object:
    """Import ``package.module:function`` and call it with keyword arguments.

    Parameters
    ----------
    path
        The function, as ``package.module:function``.
    options
        Options of the study file.
    what
        Word for the message, such as ``"model"``.
    given
        Arguments that repsim adds; an option may not have the name of one.
    known
        Names that a study can give beside the function's own, for the message about an unknown one.

    Raises
    ------
    StudyError
        The module cannot be imported, has no such function, or does not take these options, or
        the function fails: the message has its error and the line.

    Examples
    --------
    >>> call_dotted("fractions:Fraction", {"numerator": 1, "denominator": 2}, what="number")
    Fraction(1, 2)
    """
    function = load_dotted(path, what)
    if not callable(function):
        raise StudyError(
            f"Expected {what} {path!r} to be a function. Got {type(function).__name__}."
        )
    given = dict(given or {})
    taken = sorted(given.keys() & options.keys())
    if taken:
        raise StudyError(
            f"Expected options of {what} {path!r} other than {', '.join(given)}: repsim passes "
            f"these itself. Got {', '.join(taken)}. Remove it from the options."
        )
    _check_signature(function, path, what, options, given, known)
    try:
        return function(**given, **options)
    except RepsimError:
        raise
    # The function is somebody else's, and may raise anything.
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[:2][-1]
        raise StudyError(
            f"Expected {what} {path!r} to return without an error. Got {type(error).__name__}: "
            f"{error} ({line.filename}, line {line.lineno})."
        ) from error


def _check_signature(
    function: Callable[..., object],
    path: str,
    what: str,
    options: Mapping[str, object],
    given: Mapping[str, object],
    beside: Iterable[str],
) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # Some builtins have no signature: then the call itself checks the arguments.
    try:
        signature.bind(**given, **options)
    except TypeError as error:
        known = [name for name in signature.parameters if name not in given]
        unknown = [name for name in options if name not in known]
        if unknown:
            raise StudyError(
                unknown_name(f"option of {what} {path!r}", unknown[0], [*known, *beside])
            ) from None
        raise StudyError(
            f"Expected arguments that {what} {path!r}{signature} takes. "
            f"Got {', '.join([*given, *options]) or 'none'}: {error}."
        ) from None
