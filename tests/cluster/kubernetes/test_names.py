"""Names: taken by Kubernetes and by KubeRay, whatever a study is called."""

import re

from hypothesis import given
from hypothesis import strategies as st

from cluster.kubernetes.names import content_name, labels, stage_name, study_name

# RFC 1035 labels, and the 47 letters that KubeRay leaves a RayJob.
LABEL = re.compile(r"[a-z]([-a-z0-9]{0,45}[a-z0-9])?")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
STUDIES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True)


@given(STUDIES, st.text(), st.uuids(), st.sampled_from(["networks", "comparisons"]))
def test_every_name_is_one_that_is_taken(study, store, uid, stage):
    name = study_name(study, store)
    names = [name, content_name(name, store), stage_name(name, str(uid), stage, 99)]
    for each in names:
        assert LABEL.fullmatch(each)
        assert each.startswith("repsim-")
    for value in labels(name, stage).values():
        assert LABEL_VALUE.fullmatch(value)


@given(STUDIES, STUDIES)
def test_two_studies_never_share_a_name(one, other):
    assert (study_name(one, "s") == study_name(other, "s")) == (one == other)


def test_a_driver_that_replaces_another_finds_its_jobs():
    assert stage_name("repsim-a", "uid", "networks", 1) == stage_name(
        "repsim-a", "uid", "networks", 1
    )
    others = {
        stage_name("repsim-a", uid, stage, attempt)
        for uid in ("uid", "another")
        for stage in ("networks", "comparisons")
        for attempt in (1, 2)
    }
    assert len(others) == 8
