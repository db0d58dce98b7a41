"""The notebooks of the documentation run from top to bottom, in a folder of their own."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(notebook, tmp_path, tmp_path_factory, monkeypatch):
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "TMPDIR"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    # A socket in a folder; by default the kernel listens on ports. Paths of sockets are short.
    sockets = tmp_path_factory.mktemp("k")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(sockets))
    work = tmp_path / "work"
    work.mkdir()
    content = nbformat.read(notebook, as_version=4)
    NotebookClient(
        content,
        timeout=120,
        resources={"metadata": {"path": str(work)}},
        config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/s"}}),
    ).execute()
    said = [
        output
        for cell in content.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert said == []
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert code
    assert [cell.source for cell in code if cell.outputs or cell.execution_count] == []
