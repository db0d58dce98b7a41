"""Manifests as YAML."""

from typing import Any

import yaml

__all__ = ["yaml_text"]


class _Dumper(yaml.SafeDumper):
    """Files as blocks, no references, and no text that another reader takes for a number."""

    def ignore_aliases(self, data: object) -> bool:
        """Kubernetes' own tools never write them."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if not text.replace("\n", "").isprintable() or not text[:1].isalpha():
        # PyYAML holds 1e3 for a text, and the reader of kubectl for a number.
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(*manifests: dict[str, Any]) -> str:
    """One document for each manifest.

    >>> print(yaml_text({"kind": "Job", "spec": {"schedule": "0 3 * * *"}}), end="")
    ---
    kind: Job
    spec:
      schedule: "0 3 * * *"
    """
    return str(
        yaml.dump_all(
            manifests,
            Dumper=_Dumper,
            sort_keys=False,
            explicit_start=True,
            allow_unicode=True,
            width=10_000,
        )
    )
