"""Strategies: one file each, found by name (`solve-detect-verify` is in solve_detect_verify.py)."""
