"""Programs that measure the studio: `python -m benchmarks.startup` and so on; a table and JSON each."""
