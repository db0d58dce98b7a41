"""What is rendered: valid for Kubernetes and KubeRay, true to the profile, without a secret."""

import json
import tomllib
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.kubernetes.text import yaml_text
from cluster.profile import Profile
from repsim.options import validated_options
from repsim.study import parse_study
from tests.cluster.kubernetes.profiles import (
    STORE,
    every,
    fixture_text,
    of_kind,
    pod_templates,
    profile,
    rendered,
    study,
)

# The oldest Kubernetes that knows all fields, and the newest that kubernetes-validate has.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
EVERYTHING: dict[str, dict[str, Any]] = {
    "environment": {"AWS_ENDPOINT_URL": "http://store:9000", "EXPONENT": "1e3", "PRICE": "$(X)"},
    "kubernetes": {
        "image_pull_secrets": ["registry"],
        "namespace": "research",
        "service_account": "reader",
        "data_claim": "imagenet",
        "node_selector": {"gpu": "a100"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "deadline_hours": 12,
    },
}
CASES = {
    "the profile that ships": rendered(),
    "everything": rendered(**EVERYTHING),
    "no operator": rendered(kubernetes={"training": "indexed"}),
    "on a schedule": rendered(schedule="*/5 * * * *"),
    "in a folder": rendered("/mnt/store", kubernetes={"store_claim": "studies"}),
    "no GPU": rendered(ray={"gpus_per_network": 0}),
    "eight GPUs each": rendered(ray={"gpus_per_network": 8}),
}


def closed(schema: Any) -> Any:
    """The schema, with every property that it does not name refused, as the API server does."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and schema.get("type") == "object":
        inner["additionalProperties"] = False
    return inner


RAY_JOB = jsonschema.Draft202012Validator(closed(json.loads(fixture_text("rayjob_schema.json"))))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_every_object_is_valid_strictly(case, version):
    for manifest in every(CASES[case]):
        if manifest["kind"] == "RayJob":
            RAY_JOB.validate(manifest["spec"])
            for template in pod_templates(manifest):
                pod = {"apiVersion": "v1", "kind": "Pod", **template}
                kubernetes_validate.validate(pod, version, strict=True)
        else:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validation_of_ray_jobs_finds_a_typo():
    spec = json.loads(json.dumps(of_kind(rendered(), "RayJob")["spec"]))
    spec["rayClusterSpec"]["workerGroupSpecs"][0]["replica"] = 3
    with pytest.raises(jsonschema.ValidationError, match="'replica' was unexpected"):
        RAY_JOB.validate(spec)


@pytest.mark.parametrize("case", CASES)
def test_the_text_reads_back_as_the_manifests(case):
    manifests = CASES[case]
    assert list(yaml.safe_load_all(manifests.full_text)) == every(manifests)
    assert list(yaml.safe_load_all(manifests.text)) == list(manifests.applied)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_any_text_stays_text(values):
    assert yaml.safe_load(yaml_text({"values": values})) == {"values": values}


@pytest.mark.parametrize("text", ["1e3", "0x10", "1_000", "0o17", "true", "null", "", "12", "~"])
def test_text_that_a_reader_takes_for_a_number_is_quoted(text):
    line = yaml_text({"value": text}).splitlines()[1]
    assert line.removeprefix("value: ")[0] in "'\""


def test_what_is_started_later_is_in_the_config_map_word_for_word():
    manifests = rendered()
    files = of_kind(manifests, "ConfigMap")["data"]
    for stage, manifest in manifests.stages.items():
        assert yaml.safe_load(files[f"{stage}.yaml"]) == manifest


def test_the_study_and_the_profile_arrive_as_they_were():
    """What a pod reads determines the keys of the results: they must be those of `repsim run`."""
    files = of_kind(rendered(), "ConfigMap")["data"]
    assert parse_study(files["study.toml"]) == study()
    inside = validated_options(Profile, tomllib.loads(files["profile.toml"]), "a pod")
    outside = profile()
    assert inside.store == STORE
    assert inside.dask == outside.dask
    assert inside.environment == outside.environment
    assert inside.ray == outside.ray.model_copy(update={"address": "auto"})


def test_without_ray_the_profile_in_a_pod_names_no_cluster():
    files = of_kind(rendered(kubernetes={"training": "indexed"}), "ConfigMap")["data"]
    assert tomllib.loads(files["profile.toml"])["ray"]["address"] == "local"


def test_a_running_study_keeps_the_files_that_it_was_submitted_with():
    """Another content is another ConfigMap; the same content is the same one."""
    first, again = of_kind(rendered(), "ConfigMap"), of_kind(rendered(), "ConfigMap")
    other = of_kind(rendered(ray={"loader_workers": 1}), "ConfigMap")
    image = of_kind(rendered(kubernetes={"image": "repsim:2"}), "ConfigMap")
    assert first == again
    assert first["immutable"]
    names = {manifest["metadata"]["name"] for manifest in (first, other, image)}
    assert len(names) == 3


@pytest.mark.parametrize("case", CASES)
def test_every_pod_reads_the_config_map_that_is_applied(case):
    name = of_kind(CASES[case], "ConfigMap")["metadata"]["name"]
    named = [
        volume["configMap"]["name"]
        for template in pod_templates(every(CASES[case]))
        for volume in template["spec"].get("volumes", ())
        if "configMap" in volume
    ]
    assert set(named) == {name}
    assert len(named) == (4 if case != "no operator" else 3)


@pytest.mark.parametrize("case", CASES)
def test_every_pod_is_fit_for_a_restricted_namespace(case):
    """The Pod Security Standard "restricted": what it asks for, literally."""
    templates = pod_templates(every(CASES[case]))
    assert templates
    for template in templates:
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        allowed = {"configMap", "emptyDir", "persistentVolumeClaim"}
        for volume in pod.get("volumes", ()):
            assert set(volume) - {"name"} <= allowed
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not context.get("privileged", False)


def test_only_the_driver_is_given_a_token():
    templates = pod_templates(every(rendered(**EVERYTHING)))
    given = [t for t in templates if t["spec"]["automountServiceAccountToken"]]
    (driver,) = given
    assert driver["metadata"]["labels"]["app.kubernetes.io/component"] == "driver"


def test_credentials_come_by_name_and_only_where_the_store_is_used():
    manifests = rendered()
    for template in pod_templates(every(manifests)):
        (container,) = template["spec"]["containers"]
        secrets = [source["secretRef"]["name"] for source in container.get("envFrom", ())]
        assert secrets == ([] if container["name"] == "ray-job-submitter" else ["repsim-store"])
    assert all(manifest["kind"] != "Secret" for manifest in every(manifests))


def test_the_environment_is_literal():
    (value,) = {
        variable["value"]
        for template in pod_templates(every(rendered(**EVERYTHING)))
        for variable in template["spec"]["containers"][0]["env"]
        if variable["name"] == "PRICE"
    }
    assert value == "$$(X)", "Kubernetes would have put a variable's value for $(X)"


def test_a_folder_is_mounted_in_every_pod_that_works():
    for template in pod_templates(every(CASES["in a folder"])):
        (container,) = template["spec"]["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", ())}
        works = container["name"] != "ray-job-submitter"
        assert (mounts.get("/mnt/store") == "store") is works
        claims = {
            volume["name"]: volume["persistentVolumeClaim"]["claimName"]
            for volume in template["spec"].get("volumes", ())
            if "persistentVolumeClaim" in volume
        }
        assert claims == ({"store": "studies"} if works else {})


def test_data_is_mounted_read_only():
    templates = [t for t in pod_templates(every(CASES["everything"])) if t["spec"].get("volumes")]
    for template in templates:
        mounts = {m["name"]: m for m in template["spec"]["containers"][0]["volumeMounts"]}
        assert mounts["data"] == {"name": "data", "mountPath": "/data", "readOnly": True}


def test_only_pods_that_train_go_to_the_nodes_for_training():
    selected = [
        template["spec"]["containers"][0]["name"]
        for template in pod_templates(every(CASES["everything"]))
        if "nodeSelector" in template["spec"]
    ]
    assert selected == ["ray-worker"]
    tolerant = [
        template["spec"]["tolerations"]
        for template in pod_templates(every(CASES["everything"]))
        if "tolerations" in template["spec"]
    ]
    assert tolerant == [EVERYTHING["kubernetes"]["tolerations"]]


def test_the_driver_may_look_at_jobs_and_make_some_and_nothing_else():
    rules = of_kind(rendered(), "Role")["rules"]
    assert {rule["resources"][0]: rule["apiGroups"] for rule in rules} == {
        "jobs": ["batch"],
        "rayjobs": ["ray.io"],
    }
    assert all(rule["verbs"] == ["get", "create"] for rule in rules)
    indexed = of_kind(rendered(kubernetes={"training": "indexed"}), "Role")["rules"]
    assert [rule["resources"] for rule in indexed] == [["jobs"]]


def test_an_account_of_the_profile_gets_the_rights_and_is_not_made():
    manifests = rendered(**EVERYTHING)
    binding = of_kind(manifests, "RoleBinding")
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "reader", "namespace": "research"}
    ]
    assert all(manifest["kind"] != "ServiceAccount" for manifest in every(manifests))
    accounts = {
        template["spec"]["serviceAccountName"] for template in pod_templates(every(manifests))
    }
    assert accounts == {"reader"}, "it may be by the account that a pod reaches the store"


def test_everything_is_in_the_namespace_and_found_by_one_label():
    manifests = rendered(**EVERYTHING)
    for manifest in every(manifests):
        metadata = manifest["metadata"]
        assert metadata["namespace"] == "research"
        assert metadata["labels"]["app.kubernetes.io/instance"] == manifests.site.name
        assert metadata["annotations"]["repsim/study"] == "Two-Layers.v2"


def test_the_same_study_in_two_stores_is_two_studies():
    assert rendered("s3://bucket/a").site.name != rendered("s3://bucket/b").site.name
