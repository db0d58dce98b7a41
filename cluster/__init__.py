"""Where a study runs: profiles, and connecting to Ray and Dask."""

import os

# Read when ray is first imported, so it stands here. Under `uv run` Ray would otherwise send the
# folder to every worker and start each through `uv run` again, in an environment without ray.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
