"""Submitting with kubectl: a stand-in on PATH records what it is asked, and answers."""

import json
import os
import stat
import sys

import pytest
import yaml

from cluster.kubernetes import submit
from repsim.errors import ActiveRunError, ClusterError
from tests.cluster.kubernetes.profiles import rendered

# Records its arguments and input; answers with the file that is named after its verb.
STAND_IN = """#!{python}
import pathlib, sys
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
verb = next(word for word in words if word in ("api-resources", "get", "delete", "apply"))
text = sys.stdin.read() if verb == "apply" else ""
with open(here / "calls", "a") as calls:
    print(" ".join(words), file=calls)
(here / "applied.yaml").write_text(text) if text else None
answer = here / verb
print(answer.read_text() if answer.exists() else "")
problem = here / (verb + ".error")
if problem.exists():
    sys.exit(problem.read_text())
"""


@pytest.fixture
def kubectl(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "kubectl"
    program.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (folder / "api-resources").write_text("rayclusters.ray.io\nrayjobs.ray.io\n", encoding="utf-8")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def calls(kubectl):
    return [line.split()[0] if line[0] != "-" else line.split()[2] for line in lines(kubectl)]


def lines(kubectl):
    return (kubectl / "calls").read_text(encoding="utf-8").splitlines()


def job_with(status):
    return json.dumps({"kind": "Job", "status": status})


def test_all_that_is_to_be_applied_is_applied_at_once(kubectl):
    manifests = rendered(kubernetes={"namespace": "research"})
    said = submit(manifests)
    applied = list(yaml.safe_load_all((kubectl / "applied.yaml").read_text(encoding="utf-8")))
    assert applied == list(manifests.applied)
    name = manifests.site.name
    assert said.splitlines() == [
        f"Submitted: job/{name} in namespace research.",
        f"Follow it: kubectl -n research logs -f job/{name}",
        f"Stop it: kubectl -n research delete job {name} (what is finished is kept)",
    ]
    assert calls(kubectl) == ["api-resources", "get", "apply"]


def test_a_study_that_runs_is_not_submitted_again(kubectl):
    (kubectl / "get").write_text(job_with({"active": 1}), encoding="utf-8")
    with pytest.raises(
        ActiveRunError, match=r"Got job/repsim-two-layers-v2-.* in namespace default"
    ):
        submit(rendered())
    assert "apply" not in calls(kubectl)
    assert "delete" not in calls(kubectl)


@pytest.mark.parametrize("end", ["Complete", "Failed"])
def test_a_study_that_has_ended_can_be_submitted_again(kubectl, end):
    status = {"conditions": [{"type": end, "status": "True"}]}
    (kubectl / "get").write_text(job_with(status), encoding="utf-8")
    submit(rendered())
    assert calls(kubectl) == ["api-resources", "get", "delete", "apply"]


def test_a_condition_that_is_not_an_end(kubectl):
    status = {"conditions": [{"type": "Failed", "status": "False"}]}
    (kubectl / "get").write_text(job_with(status), encoding="utf-8")
    with pytest.raises(ActiveRunError):
        submit(rendered())


def test_a_schedule_is_replaced_in_place(kubectl):
    said = submit(rendered(schedule="0 3 * * *"))
    assert calls(kubectl) == ["api-resources", "apply"]
    assert said.startswith("Scheduled: cronjob/repsim-two-layers-v2-")
    assert "at '0 3 * * *'" in said


def test_a_cluster_without_kuberay_is_refused_before_anything_is_applied(kubectl):
    (kubectl / "api-resources").write_text("", encoding="utf-8")
    with pytest.raises(ClusterError, match=r"Expected a cluster with KubeRay.*training = indexed"):
        submit(rendered())
    assert calls(kubectl) == ["api-resources"]
    submit(rendered(kubernetes={"training": "indexed"}))
    assert calls(kubectl) == ["api-resources", "get", "apply"]


def test_what_kubectl_says_is_passed_on(kubectl):
    (kubectl / "apply.error").write_text('namespaces "default" not found', encoding="utf-8")
    with pytest.raises(ClusterError, match=r"Expected kubectl apply -f - .*namespaces \"default\""):
        submit(rendered())


def test_there_is_no_kubectl(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"Expected kubectl on PATH.*--dry-run"):
        submit(rendered())
