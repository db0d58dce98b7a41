"""Orchestration: a study from its file to its report, on Ray and Dask, and the command."""

import cluster as cluster  # before ray is imported anywhere: it sets what ray reads then
