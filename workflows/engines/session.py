"""What an engine is given besides its nodes."""

import threading
from dataclasses import dataclass

from cluster.profile import Profile
from repsim.graph import Recorder
from repsim.store import Store
from workflows.progress import Reporter

__all__ = ["Session"]


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run on a cluster."""

    store: Store
    profile: Profile
    reporter: Reporter
    stop: threading.Event
    """Set when the run is to end."""
    recorder: Recorder | None = None
    """Is given what each node took, from any thread."""
