"""What a study is made of, as one graph: what exists, what is missing, in what order, at what cost.

Every question about a study is a query on it. It knows no engine, and no kind of artifact by name.
"""

from repsim.graph.batches import Batch, Failed, batches_of, failures_of, groups_of, run_batch
from repsim.graph.graph import Graph
from repsim.graph.node import PROCESS_BYTES, Cost, Node, Product, Where, on_store
from repsim.graph.record import Recorder, TaskRecord, process_seconds, recorded
from repsim.graph.work import Work
from repsim.graph.worker import NetworkProgress, Resources, Worker, run_node

__all__ = [
    "PROCESS_BYTES",
    "Batch",
    "Cost",
    "Failed",
    "Graph",
    "NetworkProgress",
    "Node",
    "Product",
    "Recorder",
    "Resources",
    "TaskRecord",
    "Where",
    "Work",
    "Worker",
    "batches_of",
    "failures_of",
    "groups_of",
    "on_store",
    "process_seconds",
    "recorded",
    "run_batch",
    "run_node",
]
