"""Which concepts a text names: their names found in it word by word, whatever its length and their number."""

from __future__ import annotations

from solvent.memory.terms import words

LONGEST = 8
"""Words of a name that are looked at."""


class NameIndex:
    """Names by their words. Not safe for use by several threads at once."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, ...], set[str]] = {}
        self._name_of: dict[str, tuple[str, ...]] = {}
        self._longest = 0

    def put(self, id: str, name: str) -> None:
        """Index a name, instead of what its id had before."""
        self.remove(id)
        found = tuple(words(name)[:LONGEST])
        if found:
            self._ids.setdefault(found, set()).add(id)
            self._name_of[id] = found
            self._longest = max(self._longest, len(found))

    def remove(self, id: str) -> None:
        """Take a name out."""
        found = self._name_of.pop(id, None)
        if found is not None:
            self._ids[found].discard(id)
            if not self._ids[found]:
                del self._ids[found]

    def search(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return ids of the names that stand in a text, with their numbers of words: longer ones first, then by id."""
        text = words(query)
        found: dict[str, float] = {}
        for size in range(1, min(self._longest, len(text)) + 1):
            for start in range(len(text) - size + 1):
                for id in self._ids.get(tuple(text[start : start + size]), ()):
                    found[id] = size
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
