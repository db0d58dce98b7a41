"""What theories say of representations, to set beside what networks do: one file for each."""
