"""Benchmarks: every figure that docs/performance.md shows, each interleaved with what it is compared with."""
