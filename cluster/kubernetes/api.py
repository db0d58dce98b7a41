"""The API of the cluster that a pod runs in: look at an object, make one. No client is needed."""

import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from repsim.errors import ClusterError, StudyError

__all__ = ["Api", "InClusterApi"]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_SECONDS = 30


class Api(Protocol):
    """What the driver asks of Kubernetes."""

    def get(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """The object of this kind, namespace and name; None where there is none."""
        ...

    def create(self, manifest: dict[str, Any]) -> None:
        """Make the object, unless it is there."""
        ...


class InClusterApi:
    """The API by HTTP, with the token that a pod is given.

    Parameters
    ----------
    url
        By default that of the variables that each container has.
    account
        Folder with ``token`` and ``ca.crt``.
    """

    def __init__(self, url: str = "", account: Path = ACCOUNT) -> None:
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not url and not host:
            raise ClusterError(
                "Expected to run in a pod, where KUBERNETES_SERVICE_HOST is set. Got none. "
                "repsim drive is for the pod that repsim submit starts."
            )
        self.url = url or f"https://{f'[{host}]' if ':' in host else host}:{port}"
        self._account = account

    def get(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """See `Api`. Raises ClusterError."""
        name = manifest["metadata"]["name"]
        try:
            return self._request("GET", f"{_path(manifest)}/{name}", None)
        except urllib.error.HTTPError as answer:
            if answer.code == 404:
                return None
            raise ClusterError(_refusal("look at", manifest, answer)) from None

    def create(self, manifest: dict[str, Any]) -> None:
        """See `Api`. Raises ClusterError, and StudyError where the manifest is not accepted."""
        try:
            self._request("POST", _path(manifest), manifest)
        except urllib.error.HTTPError as answer:
            if answer.code == 409:
                return
            problem = _refusal("make", manifest, answer)
            # Not accepted now, not accepted later: other codes may pass.
            raise (StudyError if answer.code in {400, 422} else ClusterError)(problem) from None

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                # Read each time: the token is replaced every hour.
                "Authorization": f"Bearer {(self._account / 'token').read_text().strip()}",
            },
        )
        context = None
        if self.url.startswith("https"):
            context = ssl.create_default_context(cafile=self._account / "ca.crt")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as got:
                return dict(json.load(got))
        except urllib.error.HTTPError:
            raise
        except (OSError, ValueError) as problem:
            raise ClusterError(
                f"Expected an answer of the Kubernetes API at {self.url}. Got: {problem}."
            ) from problem


def _path(manifest: dict[str, Any]) -> str:
    """Where objects of this kind are: the plural of a kind is its name in small letters and s."""
    namespace, kind = manifest["metadata"]["namespace"], manifest["kind"].lower()
    return f"/apis/{manifest['apiVersion']}/namespaces/{namespace}/{kind}s"


def _refusal(verb: str, manifest: dict[str, Any], answer: urllib.error.HTTPError) -> str:
    what = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        reason = json.load(answer)["message"]
    except (OSError, ValueError, KeyError, TypeError):
        reason = answer.reason
    advice = {
        403: "Bind the Role of this study to the service account of the pod.",
        404: "Install the KubeRay operator, or set kubernetes.training = indexed in the profile.",
    }.get(answer.code, "")
    return f"Expected to {verb} {what}. Got {answer.code}: {reason}. {advice}".strip()
