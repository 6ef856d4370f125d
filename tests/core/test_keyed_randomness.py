"""Randomness that depends on a key alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.sampling import keyed

keys = st.lists(st.one_of(st.integers(-(2**63), 2**63), st.text(max_size=8)), min_size=1, max_size=4).map(tuple)


def test_a_generator_is_numpys_pcg64_on_the_digest_of_the_key() -> None:
    """Written out a second time: studies of earlier releases go on only if this never changes."""
    words = np.frombuffer(hashlib.sha256(b'["stream",1,"regnetx",0,0]').digest()[:16], dtype="<u4")
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(words.tolist())))
    made = keyed.generator("stream", 1, "regnetx", 0, 0)
    assert made.random(5).tolist() == expected.random(5).tolist()


def test_integers_are_the_first_31_bits_of_the_digest() -> None:
    first = int.from_bytes(hashlib.sha256(b'["train",3]').digest()[:4], "little")
    assert keyed.integer("train", 3) == first % 2**31


@given(keys, keys)
@settings(deadline=None)
def test_streams_are_equal_exactly_where_keys_are(one: tuple[int | str, ...], other: tuple[int | str, ...]) -> None:
    equal = keyed.generator(*one).random(4).tolist() == keyed.generator(*other).random(4).tolist()
    assert equal == (one == other)


@pytest.mark.parametrize(
    ("one", "other"), [((1, 2), (12,)), (("1",), (1,)), (("a", "b"), ("a,b",)), (("a", ""), ("a",))]
)
def test_the_parts_of_a_key_are_kept_apart(one: tuple[int | str, ...], other: tuple[int | str, ...]) -> None:
    assert keyed.integer(*one) != keyed.integer(*other)


@given(keys)
@settings(deadline=None)
def test_integers_suit_code_that_takes_31_bits(key: tuple[int | str, ...]) -> None:
    assert 0 <= keyed.integer(*key) < 2**31
