"""Print the benchmark tables: ``uv run python -m tests.benchmarks`` (about five minutes)."""

from tests.benchmarks.minimal import minimal_matches
from tests.benchmarks.scaling import scaling_in_neurons, scaling_in_samples
from tests.benchmarks.sweep import sweeps
from tests.benchmarks.targets import minimal_costs, profile_costs
from tests.benchmarks.timing import table


def main() -> None:
    print("Processor seconds on one core; both ways on the same input in the same run.\n")
    print(table([*sweeps(), *minimal_matches(), *scaling_in_neurons(), *scaling_in_samples()]))
    print(f"\n{'large layers':<58}{'one core':>12}{'allowed on two':>16}")
    for cost in (*profile_costs(), *minimal_costs()):
        print(cost)


if __name__ == "__main__":
    main()
