"""What is solved: problems, tests, limits, verdicts, the readers of their formats, checkers and math equivalence."""

if __name__ != "solvent.problems":
    raise ImportError("import solvent.problems, not problems: a room loaded under two names has two sets of classes")
