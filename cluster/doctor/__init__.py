"""Whether a machine is fit for a study: findings, each with a verdict and a remedy.

`examine` looks at this machine; `inspect_node` is what `cluster.check` sends to each node.
"""

from cluster.doctor.examination import examine, wants_gpu
from cluster.doctor.finding import Finding, exit_code
from cluster.doctor.node import Answer, NodeReport, inspect_node, report_of

__all__ = [
    "Answer",
    "Finding",
    "NodeReport",
    "examine",
    "exit_code",
    "inspect_node",
    "report_of",
    "wants_gpu",
]
