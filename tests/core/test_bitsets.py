"""Bitsets: the same members come out as went in, in little room."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.bitsets import CHUNK, FEW, Union, by_chunk, join, read_chunk, size

numbers = st.integers(0, 5 * CHUNK) | st.sampled_from([0, 7, 8, CHUNK - 1, CHUNK, 2 * CHUNK - 1])
sets = st.sets(numbers, max_size=200)


def kept(*added: set[int]) -> dict[int, bytes]:
    """Return sets as their union is kept, added one after the other."""
    chunks: dict[int, bytes] = {}
    for members in added:
        for chunk, places in by_chunk(members).items():
            chunks[chunk] = join(chunks.get(chunk), places)
    return chunks


def members(chunks: dict[int, int]) -> set[int]:
    return {chunk * CHUNK + place for chunk, bits in chunks.items() for place in range(CHUNK) if bits >> place & 1}


@given(st.lists(sets, max_size=4))
def test_a_set_is_what_was_added_to_it(added: list[set[int]]) -> None:
    chunks = {chunk: read_chunk(written) for chunk, written in kept(*added).items()}

    assert members(chunks) == set().union(*added)


@given(sets, sets)
def test_adding_again_or_in_another_order_changes_nothing(one: set[int], other: set[int]) -> None:
    assert kept(one, other, one) == kept(other, one)


@given(sets, sets)
def test_sets_are_joined_and_cut_by_their_chunks(one: set[int], other: set[int]) -> None:
    first = {chunk: read_chunk(written) for chunk, written in kept(one).items()}
    second = {chunk: read_chunk(written) for chunk, written in kept(other).items()}

    assert members({chunk: first.get(chunk, 0) | second.get(chunk, 0) for chunk in {*first, *second}}) == one | other
    assert members({chunk: first[chunk] & second.get(chunk, 0) for chunk in first}) == one & other


@given(st.lists(sets, max_size=4))
def test_a_union_counts_each_member_once(added: list[set[int]]) -> None:
    union = Union()
    for each in added:
        chunks = kept(each)
        assert sum(map(size, chunks.values())) == len(each)
        for chunk, written in chunks.items():
            union.add(chunk, written)

    assert len(union) == len(set().union(*added))


@given(st.sets(st.integers(0, CHUNK - 1), min_size=1))
def test_a_chunk_takes_two_bytes_a_member_and_two_kilobytes_at_most(wanted: set[int]) -> None:
    (written,) = kept(wanted).values()

    assert len(written) <= 1 + (2 * len(wanted) if len(wanted) <= FEW else CHUNK // 8)
