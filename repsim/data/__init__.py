"""Datasets: images with labels and ids, one file per dataset.

A new dataset is one new module here with `Options` (a `repsim.options.StrictOptions`) and
``load(options) -> DataSource``; it is found by its file name.
"""

from repsim.data.arrays import from_arrays
from repsim.data.registry import dataset_names, load_data
from repsim.data.source import Augmentation, DataSource, Split

__all__ = ["Augmentation", "DataSource", "Split", "dataset_names", "from_arrays", "load_data"]
