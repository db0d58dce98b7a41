"""Many rounds; the first in which something is lost, or wrong and not said, ends them.

python -m tests.faults.random_damage --rounds 20 --seed 1 [--s3] [--engine cluster]
"""

import argparse
import tempfile
from pathlib import Path

from tests.faults.random_damage.rounds import rounds_in

parser = argparse.ArgumentParser(prog="python -m tests.faults.random_damage")
parser.add_argument("--rounds", type=int, default=20)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--s3", action="store_true", help="in a bucket of a server on loopback")
parser.add_argument("--engine", choices=["inline", "cluster"], default="inline")
asked = parser.parse_args()
kind = "a bucket" if asked.s3 else "a folder"
with (
    tempfile.TemporaryDirectory() as name,
    rounds_in(kind, Path(name), seed=asked.seed, engine=asked.engine) as rounds,
):
    for number in range(1, asked.rounds + 1):
        rounds.round()
        codes = " ".join(map(str, rounds.codes))
        print(f"round {number}: {len(rounds.harms)} files harmed, exit codes {codes}", flush=True)
