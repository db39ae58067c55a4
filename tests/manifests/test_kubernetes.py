"""The Kubernetes manifests: valid by Kubernetes' own schemas, at one with each other and with the settings."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import metrics
from bot.app import DRAIN_SECONDS
from bot.config import ConfigError, settings

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "manifests" / "kubernetes"
TEMPLATE = "secret.template.yaml"
PLANTED = [
    ("deployment.yaml", "readinessProbe:", "readynessProbe:"),
    ("deployment.yaml", "replicas: 2", "replicas: two"),
    ("deployment.yaml", "containerPort: 3000", "hostIP: 10.0.0.1"),
    ("network-policy.yaml", "policyTypes:", "policyType:"),
    ("disruption-budget.yaml", "apiVersion: policy/v1", "apiVersion: policy/v1beta1"),
]
"""A file, what stands there once, and what a mistake makes of it."""
RESOURCES = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def validate(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("kubernetes-validate"), "--strict", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours


def commented_ingress() -> str:
    """The ingress that the service's comment says how to add."""
    lines = (FOLDER / "service.yaml").read_text(encoding="utf-8").splitlines()
    first = lines.index("# apiVersion: networking.k8s.io/v1")
    return "\n".join(line[2:] for line in lines[first : lines.index("apiVersion: v1")])


@pytest.fixture
def deployment() -> Any:
    return read("deployment.yaml")


@pytest.fixture
def pod(deployment: Any) -> Any:
    return deployment["spec"]["template"]["spec"]


@pytest.fixture
def container(pod: Any) -> Any:
    (container,) = pod["containers"]
    return container


# --- the schemas ---


def test_every_manifest_is_valid_by_the_strict_schemas(tmp_path: Path):
    ingress = tmp_path / "ingress.yaml"
    ingress.write_text(commented_ingress(), encoding="utf-8")
    result = validate(*(FOLDER / name for name in RESOURCES), ingress)
    assert result.returncode == 0, result.stderr
    # A kind without a schema would be skipped with a warning.
    assert (result.stdout + result.stderr).count(" passed for resource ") == len(RESOURCES) + 1


def test_every_planted_mistake_is_refused(tmp_path: Path):
    copies = [tmp_path / f"{number}-{name}" for number, (name, _, _) in enumerate(PLANTED)]
    for copy, (name, right, planted) in zip(copies, PLANTED, strict=True):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert text.count(right) == 1
        copy.write_text(text.replace(right, planted), encoding="utf-8")
    result = validate(*copies)
    assert result.returncode != 0
    assert " passed for resource " not in result.stdout + result.stderr


def test_applying_the_folder_leaves_the_secret_alone_and_nothing_else():
    kustomization = read("kustomization.yaml")
    assert {*kustomization["resources"], TEMPLATE} == set(RESOURCES)


def test_the_image_is_this_version():
    (image,) = read("kustomization.yaml")["images"]
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert image["newTag"] == version


# --- with each other ---


def test_everything_is_about_the_same_pods(deployment: Any, pod: Any):
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        read("service.yaml")["spec"]["selector"],
        read("disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
        read("network-policy.yaml")["spec"]["podSelector"]["matchLabels"],
        *(constraint["labelSelector"]["matchLabels"] for constraint in pod["topologySpreadConstraints"]),
    ]
    assert [selector for selector in selectors if not selector.items() <= labels.items()] == []


def test_every_port_is_the_one_the_bot_listens_on(container: Any):
    (port,) = container["ports"]
    assert port["containerPort"] == settings.Settings.model_fields["port"].default
    (ingress,) = read("network-policy.yaml")["spec"]["ingress"]
    asked = [container[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    asked += [read("service.yaml")["spec"]["ports"][0]["targetPort"], ingress["ports"][0]["port"]]
    assert set(asked) == {port["name"]}


def test_the_datadog_agent_finds_the_metrics(deployment: Any, container: Any):
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    checks = json.loads(annotations[f"ad.datadoghq.com/{container['name']}.checks"])
    (instance,) = checks["openmetrics"]["instances"]
    assert instance["openmetrics_endpoint"] == f"http://%%host%%:{container['ports'][0]['containerPort']}/metrics"
    names = {family.name for family in metrics.registry.collect()}
    assert [name for name in names if not name.startswith(instance["raw_metric_prefix"])] == []
    assert instance["namespace"]  # the check refuses an empty one
    assert json.loads(annotations[f"ad.datadoghq.com/{container['name']}.logs"])


# --- with the bot ---


def environment(container: Any, mounted: Path, values: dict[str, str]) -> dict[str, str]:
    """What the container's process gets to see, with the secret's values in files under `mounted`."""
    (mount,) = container["volumeMounts"]
    for name, value in values.items():
        (mounted / name).write_text(value, encoding="utf-8")
    given = {
        name: value.replace(mount["mountPath"], str(mounted)) for name, value in read("configmap.yaml")["data"].items()
    }
    return given | {each["name"]: values[each["valueFrom"]["secretKeyRef"]["key"]] for each in container["env"]}


FILLED_IN = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "DD_API_KEY": "2" * 32,
    "DD_APP_KEY": "3" * 40,
    "DATABASE_URL": "postgresql://bot:p%40ss@db.example.com:5432/bot?sslmode=require",
}


def test_the_bot_accepts_the_settings_with_the_template_filled_in(container: Any, tmp_path: Path):
    template = read(TEMPLATE)["stringData"]
    assert template.keys() == FILLED_IN.keys()
    read_back = settings.read(environment(container, tmp_path, FILLED_IN), env_file=None)
    assert read_back.dd_app_key is not None
    assert read_back.dd_app_key.get_secret_value() == FILLED_IN["DD_APP_KEY"]
    assert read_back.database_url == FILLED_IN["DATABASE_URL"]


def test_the_bot_refuses_the_template_as_it_is(container: Any, tmp_path: Path):
    template = read(TEMPLATE)["stringData"]
    assert [value for value in template.values() if not re.fullmatch("<.*>", value)] == []
    with pytest.raises(
        ConfigError, match="SLACK_BOT_TOKEN_FILE has a space, a line end or a character that no secret has"
    ):
        settings.read(environment(container, tmp_path, template), env_file=None)


def test_every_setting_of_the_config_map_is_one():
    known = {field.alias for field in settings.Settings.model_fields.values()}
    assert [name for name in read("configmap.yaml")["data"] if name.removesuffix("_FILE") not in known] == []


def test_the_bot_has_the_time_to_finish_before_it_is_killed(pod: Any, container: Any):
    waits = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] >= waits + DRAIN_SECONDS + 5


def test_a_service_of_the_same_name_sets_none_of_the_bots_settings(pod: Any):
    # Kubernetes would set CASE_INSIGHTS_PORT=tcp://10.0.0.1:80 for the Service case-insights.
    assert pod["enableServiceLinks"] is False


# --- what the pod may do ---


def test_the_pod_may_do_no_more_than_it_has_to(pod: Any, container: Any):
    assert pod["automountServiceAccountToken"] is False
    user = re.search(r"^USER (\d+):(\d+)$", (PROJECT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert user is not None
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user[1]),
        "runAsGroup": int(user[2]),
        "fsGroup": int(user[2]),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (volume,) = pod["volumes"]
    assert volume["secret"]["defaultMode"] == 0o440
