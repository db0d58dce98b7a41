"""Tables of options, checked before anything runs; an error says what is possible."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from repsim.errors import StudyError, unknown_name

__all__ = ["StrictOptions", "is_dotted", "validated_options"]

# Which are listed: each is compared with the others, and with every known name.
MOST_PROBLEMS = 50


class StrictOptions(BaseModel):
    """Base of every table of options: no unknown key, no silent conversion, no later change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Options = TypeVar("Options", bound=BaseModel)


def validated_options(model: type[Options], options: Mapping[str, object], where: str) -> Options:
    """Turn a table of options into a checked value.

    Parameters
    ----------
    model
        The pydantic model that declares the options.
    options
        What was given, by name.
    where
        Words for the message, such as ``"dataset 'digits'"``.

    Raises
    ------
    StudyError
        One line per problem; an unknown key comes with the nearest known one.

    Examples
    --------
    >>> class Resize(StrictOptions):
    ...     size: int = 16
    >>> validated_options(Resize, {"size": 8}, "dataset 'digits'").size
    8
    """
    try:
        return model.model_validate(_frozen(options))
    except ValidationError as error:
        problems = error.errors()
        lines = _lines(model, problems[:MOST_PROBLEMS], where)
        if len(problems) > MOST_PROBLEMS:
            lines.append(f"And {len(problems) - MOST_PROBLEMS} more.")
        raise StudyError("\n".join(lines)) from None


def _frozen(value: object) -> object:
    """TOML has lists where our frozen models have tuples."""
    if isinstance(value, Mapping):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value


def _lines(model: type[BaseModel], problems: list[ErrorDetails], where: str) -> list[str]:
    """One line for each place; the alternatives of a union are told together."""
    rules: dict[tuple[str, str], list[str]] = {}
    lines = []
    names = [_path(problem["loc"]) for problem in problems]
    for problem, name in zip(problems, names, strict=True):
        if any(other.startswith((f"{name}[", f"{name}.")) for other in names):
            continue  # what is wrong inside says more
        rule = _rule(problem)
        if problem["type"] == "extra_forbidden":
            known = [_path((*problem["loc"][:-1], key)) for key in _beside(model, problem["loc"])]
            lines.append(unknown_name(f"option of {where}", name, known))
        elif problem["type"] == "missing":
            field = model.model_fields.get(name)
            meaning = f" ({field.description})" if field is not None and field.description else ""
            lines.append(f"Expected option {name!r} of {where}{meaning}. Got nothing. Add it.")
        elif problem["type"] == "value_error":
            place = f"option {name!r} of {where}" if name else where
            lines.append(f"{rule}, in {place}.")
        else:
            got = repr(_thawed(problem["input"]))
            rules.setdefault((name, got if len(got) < 80 else got[:77] + "..."), []).append(rule)
    for (name, got), alternatives in rules.items():
        rule = ", or ".join(dict.fromkeys(alternatives))
        lines.append(f"Expected a valid option {name!r} of {where}: {rule}. Got {got}.")
    return lines


def _rule(problem: ErrorDetails) -> str:
    """What was expected, in the words of a TOML file."""
    match problem["type"]:
        case "model_type":
            return "a table"
        case "tuple_type":
            return "a list, as in [0, 1]"
        case "too_short":
            return f"a list of at least {problem['ctx']['min_length']}"
        case "too_long":
            return f"a list of at most {problem['ctx']['max_length']}"
    return problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def _path(location: tuple[int | str, ...]) -> str:
    """``seeds[1].order``; what pydantic adds to name the branch of a union is left out."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier() and part not in {"int", "str", "float"}:
            path += f".{part}" if path else part
    return path


def _beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that are valid where an unknown one stands."""
    for part in location[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        model = inner[0] if inner else model
    return list(model.model_fields)


def _thawed(value: object) -> object:
    """The value as the file had it."""
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, tuple) else value


def is_dotted(name: str) -> bool:
    """Whether a name is of the form ``package.module:name``."""
    return ":" in name
