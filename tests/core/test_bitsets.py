"""Bitsets: the same members come out as went in, in little room."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.bitsets import CHUNK, by_chunk, read_chunk, write_chunk

numbers = st.integers(0, 5 * CHUNK) | st.sampled_from([0, 7, 8, CHUNK - 1, CHUNK, 2 * CHUNK - 1])


def members(chunks: dict[int, int]) -> set[int]:
    return {chunk * CHUNK + at for chunk, bits in chunks.items() for at in range(CHUNK) if bits >> at & 1}


@given(st.sets(numbers, max_size=200))
def test_a_set_is_what_its_chunks_are_read_as(wanted: set[int]) -> None:
    kept = {chunk: write_chunk(bits) for chunk, bits in by_chunk(wanted).items()}

    assert members({chunk: read_chunk(written) for chunk, written in kept.items()}) == wanted


@given(st.sets(numbers, max_size=100), st.sets(numbers, max_size=100))
def test_sets_are_joined_and_cut_by_their_chunks(one: set[int], other: set[int]) -> None:
    first, second = by_chunk(one), by_chunk(other)

    assert members({chunk: first.get(chunk, 0) | second.get(chunk, 0) for chunk in {*first, *second}}) == one | other
    assert members({chunk: first[chunk] & second.get(chunk, 0) for chunk in first}) == one & other


@given(st.sets(st.integers(0, CHUNK - 1), min_size=1))
def test_a_chunk_takes_at_most_two_bytes_a_member_and_two_kilobytes(wanted: set[int]) -> None:
    (written,) = (write_chunk(bits) for bits in by_chunk(wanted).values())

    assert len(written) <= 1 + max(2 * min(len(wanted), 64), CHUNK // 8 if len(wanted) > 64 else 0)
