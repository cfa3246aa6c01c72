"""The body of a Markdown problem: statement, and tests, solutions and answer under their own headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*$")
_PUBLIC = re.compile(r"(?:examples?|samples?)(?: tests?)?(?:\s*[:#]?\s*(?P<name>.*))?", re.IGNORECASE)
_HIDDEN = re.compile(r"(?:hidden|secret) tests?(?:\s*[:#]?\s*(?P<name>.*))?", re.IGNORECASE)
_SOLUTION = re.compile(r"solution(?:\s*:\s*(?P<name>.*))?", re.IGNORECASE)
_ANSWER = re.compile(r"(?:gold )?answer", re.IGNORECASE)
_IN = re.compile(r"[*_#]*(?:(?:sample|example) )?input\b[\s\d:*_]*$", re.IGNORECASE)
_OUT = re.compile(r"[*_#]*(?:(?:sample|example) )?output\b[\s\d:*_]*$", re.IGNORECASE)
_SAMPLE_IN = re.compile(r"(?:sample|example) input\b\s*:?\s*(?P<name>\d*)\s*:?", re.IGNORECASE)
_SAMPLE_OUT = re.compile(r"(?:sample|example) output\b\s*:?\s*\d*\s*:?", re.IGNORECASE)


@dataclass(slots=True)
class Body:
    """What the text holds, in the JSON form of `Problem`'s fields."""

    statement: str = ""
    title: str = ""
    public_tests: list[JsonValue] = field(default_factory=list)
    hidden_tests: list[JsonValue] = field(default_factory=list)
    solutions: list[JsonValue] = field(default_factory=list)
    answer: str | None = None


@dataclass(slots=True)
class _Block:
    """A line, or a whole fenced block with its language."""

    text: str
    lines: list[str]
    level: int = 0
    heading: str = ""
    fence: bool = False
    info: str = ""


def parse_markdown(text: str, *, is_function: bool = False) -> Body:
    """Take a Markdown text apart.

    A heading `Example [name]` (or `Sample ...`), `Hidden test [name]`, `Answer` or `Solution[: name]` opens a section
    up to the next heading of its level or above. A test section that has no test in it stays in the statement. Words
    around the blocks of an example go to the end of the statement. The first heading of level 1 is the title.
    """
    body = Body()
    statement: list[str] = []
    remarks: list[str] = []
    sections = list(_sections(_blocks(text)))
    index = 0
    while index < len(sections):
        head, inner = sections[index]
        index += 1
        heading = head.heading if head else ""
        following = sections[index] if index < len(sections) else None
        if head and following and following[0] and _SAMPLE_IN.fullmatch(heading):
            stdin, stdout = _only_fence(inner), _only_fence(following[1])
            if _SAMPLE_OUT.fullmatch(following[0].heading) and stdin is not None and stdout is not None:
                name = _SAMPLE_IN.fullmatch(heading)["name"]  # type: ignore[index]  # it matched above
                body.public_tests.append(_io("example", name, len(body.public_tests), stdin, stdout))
                index += 1
                continue
        if head and _take(body, heading, inner, remarks, is_function=is_function):
            continue
        if head and head.level == 1 and not body.title and not "".join(statement).strip():
            body.title = heading
        if head:
            statement.extend(head.lines)
        for block in inner:
            statement.extend(block.lines)
    body.statement = "\n".join(statement).strip("\n")
    if not body.statement.strip():
        body.statement = ""
    if remarks:
        body.statement = "\n\n".join([body.statement, *remarks])
    return body


def _take(body: Body, heading: str, inner: list[_Block], remarks: list[str], *, is_function: bool) -> bool:
    """Put a section where it belongs; return False if it is part of the statement."""
    if _ANSWER.fullmatch(heading) and body.answer is None:
        fence = _only_fence(inner)
        answer = fence if fence is not None else "\n".join(line for block in inner for line in block.lines)
        if answer.strip():
            body.answer = answer.strip()
            return True
        return False
    solution = _SOLUTION.fullmatch(heading)
    if solution:
        fences = [block for block in inner if block.fence]
        words = fences[0].info.split() if len(fences) == 1 else []
        if words:
            expected = words[1] if len(words) > 1 else "AC"
            name = (solution["name"] or "").strip()
            body.solutions.append({"language": words[0], "source": fences[0].text, "name": name, "expected": expected})
            return True
        return False
    hidden = _HIDDEN.fullmatch(heading)
    public = None if hidden else _PUBLIC.fullmatch(heading)
    match = hidden or public
    if match is None:
        return False
    tests = body.hidden_tests if hidden else body.public_tests
    label = "hidden" if hidden else "example"
    found, rest = _test(inner, label, (match["name"] or "").strip(), len(tests), is_function=is_function)
    if not found:
        return False
    tests.extend(found)
    if rest and not hidden:
        remarks.append(f"{heading}: {rest}")
    return True


def _test(inner: list[_Block], label: str, name: str, count: int, *, is_function: bool) -> tuple[list[JsonValue], str]:
    fences = [block for block in inner if block.fence]
    if is_function:
        codes: list[JsonValue] = [
            {"type": "code", "name": name or f"{label} {count + number}", "code": block.text}
            for number, block in enumerate(fences, start=1)
        ]
        return (codes, _words(inner)) if codes else ([], "")
    stdins = _after(inner, _IN)
    stdouts = _after(inner, _OUT)
    if not stdins and not stdouts and len(fences) == 2:
        stdins, stdouts = fences[:1], fences[1:]
    if not stdins or len(stdins) != len(stdouts):
        return [], ""
    found: list[JsonValue] = []
    for one, other in zip(stdins, stdouts, strict=True):
        found.append(_io(label, name if len(stdins) == 1 else "", count + len(found), one.text, other.text))
    return found, _words(inner)


def _io(label: str, name: str, count: int, stdin: str, expected: str) -> JsonValue:
    return {"type": "io", "name": name or f"{label} {count + 1}", "stdin": stdin, "expected": expected}


def _after(inner: list[_Block], label: re.Pattern[str]) -> list[_Block]:
    """Return the fenced blocks that stand directly below a heading or line with this label."""
    found = []
    previous = ""
    for block in inner:
        if block.fence and label.match(previous):
            found.append(block)
        if block.text.strip():
            previous = "" if block.fence else (block.heading or block.text.strip())
    return found


def _words(inner: list[_Block]) -> str:
    lines = [
        block.text
        for block in inner
        if not block.fence
        and not _IN.match(block.heading or block.text.strip())
        and not _OUT.match(block.heading or block.text.strip())
    ]
    return "\n".join(lines).strip()


def _only_fence(inner: list[_Block]) -> str | None:
    fences = [block for block in inner if block.fence]
    return fences[0].text if len(fences) == 1 else None


def _sections(blocks: Iterator[_Block]) -> Iterator[tuple[_Block | None, list[_Block]]]:
    """Yield each heading with what stands below it. Headings below a test heading belong to it."""
    head: _Block | None = None
    inner: list[_Block] = []
    for block in blocks:
        owns = head is not None and _owns_subheadings(head.heading)
        if block.level and not (owns and head is not None and block.level > head.level):
            if head is not None or inner:
                yield head, inner
            head, inner = block, []
        else:
            inner.append(block)
    if head is not None or inner:
        yield head, inner


def _owns_subheadings(heading: str) -> bool:
    is_test = _PUBLIC.fullmatch(heading) or _HIDDEN.fullmatch(heading)
    return bool(is_test) and not _SAMPLE_IN.fullmatch(heading) and not _SAMPLE_OUT.fullmatch(heading)


def _blocks(text: str) -> Iterator[_Block]:
    lines = text.split("\n")
    # Shortest fence of each kind that nothing closes: looking again for every such line would be quadratic.
    unclosed: dict[str, int] = {}
    index = 0
    while index < len(lines):
        line = lines[index]
        opening = _FENCE.match(line)
        end = None
        if opening and len(opening[1]) < unclosed.get(line.lstrip()[0], len(opening[1]) + 1):
            end = _fence_end(lines, index, opening[1])
            if end is None:
                unclosed[opening[1][0]] = len(opening[1])
        if opening and end is not None:
            inside = lines[index + 1 : end]
            content = "".join(f"{inner}\n" for inner in inside)
            yield _Block(content, lines[index : end + 1], fence=True, info=opening[2].strip())
            index = end + 1
            continue
        heading = _HEADING.match(line)
        if heading:
            yield _Block(line, [line], level=len(heading[1]), heading=heading[2])
        else:
            yield _Block(line, [line])
        index += 1


def _fence_end(lines: list[str], start: int, fence: str) -> int | None:
    closing = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*")
    return next((number for number in range(start + 1, len(lines)) if closing.fullmatch(lines[number])), None)
