"""Problems written in our Markdown format, so that reading them again gives the same problem."""

from __future__ import annotations

import re

import yaml
from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import IoTest, Problem, Solution, TestCase
from solvent.problems.readers.native import read_front_matter
from solvent.problems.readers.place import Place
from solvent.problems.readers.text import decode

_UNPRINTABLE = re.compile(r"[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Also the two Unicode line separators and the byte order mark, which YAML takes for ends of lines or drops."""
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_. -]*(?<![ #:])")


def to_native(problem: Problem) -> str:
    """Return the problem as Markdown with YAML front matter. Reading it gives an equal problem.

    Statement, examples, hidden tests and solutions stand in the body where Markdown can hold them exactly, else in
    the front matter. `source` is written only if it is set; the reader sets it otherwise.
    """
    text = _render(problem, everything_in_front=False)
    place = Place("-")
    try:
        again = read_front_matter(decode(text.encode("utf-8", errors="surrogatepass"), place), place)
    except DataError:
        again = None
    reference = problem if problem.source else problem.model_copy(update={"source": place.source})
    # A statement may hold headings or fences that read as ours; then YAML holds it all.
    return text if again == reference else _render(problem, everything_in_front=True)


def _render(problem: Problem, *, everything_in_front: bool) -> str:
    header: dict[str, JsonValue] = problem.model_dump(mode="json", exclude_defaults=True)
    body = ""
    if not everything_in_front:
        body = f"\n{header.pop('statement')}\n"
        for name, title, tests in (
            ("public_tests", "Example", problem.public_tests),
            ("hidden_tests", "Hidden test", problem.hidden_tests),
        ):
            if tests and all(_fits(test) for test in tests):
                header.pop(name)
                body += "".join(_test_section(title, test) for test in tests)
        if problem.solutions and all(_solution_fits(solution) for solution in problem.solutions):
            header.pop("solutions")
            body += "".join(_solution_section(solution) for solution in problem.solutions)
    front = yaml.dump(header, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{front}---\n{body}"


def _fits(test: TestCase) -> bool:
    if isinstance(test, IoTest):
        is_plain = test == IoTest(name=test.name, stdin=test.stdin, expected=test.expected)
        return is_plain and bool(_NAME.fullmatch(test.name)) and _is_block(test.stdin) and _is_block(test.expected)
    return test.type == "code" and bool(_NAME.fullmatch(test.name)) and _is_block(test.code)


def _is_block(text: str) -> bool:
    return (not text or text.endswith("\n")) and not _UNPRINTABLE.search(text)


def _solution_fits(solution: Solution) -> bool:
    plain = Solution(language=solution.language, source=solution.source, name=solution.name, expected=solution.expected)
    return (
        solution == plain
        and _is_block(solution.source)
        and (not solution.name or bool(_NAME.fullmatch(solution.name)))
        and re.fullmatch(r"[A-Za-z0-9+#_.-]+", solution.language) is not None
    )


def _test_section(title: str, test: TestCase) -> str:
    if isinstance(test, IoTest):
        stdin, expected = _fenced(test.stdin, "text"), _fenced(test.expected, "text")
        return f"\n## {title} {test.name}\n\n### Input\n\n{stdin}\n### Output\n\n{expected}"
    code = test.code if test.type == "code" else ""
    return f"\n## {title} {test.name}\n\n{_fenced(code, 'python')}"


def _solution_section(solution: Solution) -> str:
    heading = f"Solution: {solution.name}" if solution.name else "Solution"
    return f"\n## {heading}\n\n{_fenced(solution.source, f'{solution.language} {solution.expected.value}')}"


def _fenced(text: str, info: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{text}{fence}\n"


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, and no aliases, which the reader refuses."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # A block that ends with empty lines would be closed with a line `...`, which ends the front matter.
    style = '"' if _UNPRINTABLE.search(text) or text.endswith("\n\n") else "|" if "\n" in text.strip("\n") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
