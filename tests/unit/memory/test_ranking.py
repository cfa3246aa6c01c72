"""Words, vectors and their fusion."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.memory import keywords, terms
from solvent.memory.concept import Content
from solvent.memory.embed import HashedEmbedder
from solvent.memory.keywords import KeywordIndex
from solvent.memory.merging import merged
from solvent.memory.names import NameIndex
from solvent.memory.ranking import fuse
from solvent.memory.shelf import collection_name
from solvent.memory.texts import Namespace

WORDS = st.lists(st.sampled_from(["red", "green", "blue", "one", "two", "three"]), min_size=1, max_size=6).map(" ".join)


def test_rare_words_count_more() -> None:
    index = KeywordIndex()
    for number in range(20):
        index.put(f"common{number}", "sort the list of numbers")
    index.put("rare", "sort the list of palindromes")
    assert index.search("sort palindromes", 5)[0][0] == "rare"
    assert index.search("nothing known", 5) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), WORDS)), max_size=60), WORDS)
def test_an_index_that_changed_ranks_as_one_made_anew(changes: list[tuple[int, str | None]], query: str) -> None:
    changed, kept = KeywordIndex(), {}
    for number, text in changes:
        id = f"d{number}"
        if text is None:
            changed.remove(id)
            kept.pop(id, None)
        else:
            changed.put(id, text)
            kept[id] = text
    assert {id for id, _ in changed.search(query, 100)} == {
        id for id, text in kept.items() if set(text.split()) & set(query.split())
    }
    assert len(changed) == len(kept)


def test_an_index_is_packed_and_finds_the_same() -> None:
    index = KeywordIndex()
    for number in range(2500):
        index.put(f"d{number}", f"word{number} common")
    for number in range(2499):
        index.remove(f"d{number}")
    assert [id for id, _ in index.search("common word2499", 10)] == ["d2499"]
    assert [id for id, _ in index.search("common", 10)] == ["d2499"]


@pytest.mark.parametrize("many", [1, 7, 1000])
def test_documents_rank_the_same_however_many_came_at_once(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    rng = random.Random(3)
    vocabulary = ["red", "green", "blue", "one", "two", "three"]
    texts = {f"d{number}": " ".join(rng.choices(vocabulary, k=9)) for number in range(60)}
    together = KeywordIndex()
    for id, text in texts.items():
        together.put_packed(id, terms.packed(text))
    expected = together.search("red one two three", 9)
    monkeypatch.setattr(keywords, "MANY", many)
    index = KeywordIndex()
    for number, (id, text) in enumerate(texts.items(), 1):
        index.put(id, "gone by now")
        index.put(id, text)
        if number % 7 == 0:
            assert index.search("blue", 60)
    assert [id for id, _ in index.search("gone", 99)] == []
    index._pack()
    assert index.search("red one two three", 9) == expected, "as if nothing else had ever been there"


def test_vectors_have_length_one_and_are_the_same_each_time() -> None:
    texts = ["add 3 to every number", "", "数を足す", "\ud800"]
    made = HashedEmbedder().vectors(texts)
    assert np.allclose(np.linalg.norm(made, axis=1), 1.0, atol=1e-6)
    assert np.array_equal(made, HashedEmbedder().vectors(texts))


def test_texts_that_share_words_are_nearer() -> None:
    query, near, far = HashedEmbedder().vectors(
        ["shortest paths in grids", "the shortest path in a grid", "sums of digits of large numbers"]
    )
    assert query @ near > query @ far + 0.2


def test_the_fusion_takes_what_both_rank_high() -> None:
    versions = {"a": 1, "b": 1, "c": 2}
    best = fuse([("a", 0.9), ("b", 0.8)], [("b", 7.0), ("c", 3.0)], [], versions, 2)
    assert [one.id for one in best] == ["b", "a"]
    assert (best[0].similarity, best[0].keyword_score) == (0.8, 7.0)


def test_a_name_that_stands_in_the_query_is_found_among_many() -> None:
    names = NameIndex()
    for number in range(1000):
        names.put(f"c{number}", f"Kelp{number} order")
    names.put("c7", "Kelp order")
    names.put("c8", "order")
    assert names.search("First, do the Kelp Order. Print the kelp9 orders.", 9) == [
        ("c7", 2), ("c9", 2), ("c8", 1),
    ]  # fmt: skip
    names.remove("c7")
    assert [id for id, _ in names.search("the Kelp order", 9)] == ["c8"]


def test_collections_differ_by_all_that_matters() -> None:
    names = {
        collection_name(Namespace(id, created_at=time), embedder, dimension, snapshot=snapshot)
        for id in ("mine", "mine!", "theirs")
        for time in (1.0, 2.0)
        for embedder in ("hashed.1", "openai.bge-m3")
        for dimension in (512, 1024)
        for snapshot in (None, "snap-0")
    }
    assert len(names) == 48
    assert all(len(name) < 200 and name.replace(".", "").replace("-", "").isalnum() for name in names)


def test_merging_does_not_depend_on_the_order() -> None:
    into = Content(name="a", kind="routine", summary="x", cues=("c0",))  # type: ignore[arg-type]  # as JSON has it
    others = [
        Content(name=f"o{number}", kind="routine", summary="y", cues=(f"c{number}", "c0"), used_in=(f"p{number}",))  # type: ignore[arg-type]  # as above
        for number in range(1, 6)
    ]
    expected = merged(into, others)
    for seed in range(5):
        shuffled = random.Random(seed).sample(others, len(others))
        assert merged(into, shuffled) == expected
    assert expected.cues == ("c0", "c1", "c2", "c3", "c4", "c5")


def test_a_concept_is_found_by_statements_that_no_prompt_shows() -> None:
    bare = Content(name="a", kind="routine", summary="x")  # type: ignore[arg-type]  # as JSON has it
    met = bare.model_copy(update={"statements": ("A bank account starts at zero.",)})
    assert "bank account" in met.search_text
    assert "bank" not in met.text
    assert "statements" not in bare.model_dump()
    assert merged(bare, [met]).statements == met.statements


def test_a_query_of_common_words_reads_a_part_of_a_large_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keywords, "MOST_POSTINGS", 50)
    index = KeywordIndex()
    for number in range(100):
        index.put(f"d{number:02}", f"common rare{number}")
    assert [id for id, _ in index.search("common rare7", 3)] == ["d07"]
    assert len(index.search("common", 200)) == 100, "the only word is read, however common it is"
