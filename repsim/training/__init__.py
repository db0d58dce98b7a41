"""Training of one seeded network: streams of randomness, protocol, checkpoints, the loop."""

from repsim.training.checkpoint import CheckpointFolder
from repsim.training.device import select_device, thread_limit
from repsim.training.evaluation import evaluate, evaluation_mode
from repsim.training.history import Epoch, Progress, TrainedNetwork
from repsim.training.loop import check_data, train
from repsim.training.optimiser import learning_rate
from repsim.training.precision import Precision, repeatable_kernels, resolve_precision
from repsim.training.ranks import ALONE, Ranks
from repsim.training.streams import epoch_order, stream_seed

__all__ = [
    "ALONE",
    "CheckpointFolder",
    "Epoch",
    "Precision",
    "Progress",
    "Ranks",
    "TrainedNetwork",
    "check_data",
    "epoch_order",
    "evaluate",
    "evaluation_mode",
    "learning_rate",
    "repeatable_kernels",
    "resolve_precision",
    "select_device",
    "stream_seed",
    "thread_limit",
    "train",
]
