"""Repeatable benchmarks: ratios inside one run on one machine, since absolute figures travel badly."""
