"""What a worker runs, with no engine: plain functions of plain values."""
