"""What it is worth: measurements that a command repeats."""

if __name__ != "solvent.benchmarks":
    raise ImportError(
        "import solvent.benchmarks, not benchmarks: a room loaded under two names has two sets of classes"
    )
