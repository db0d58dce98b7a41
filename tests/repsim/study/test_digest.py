"""One value has one digest, and another value another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repsim.study import canonical_json, digest

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value):
    """The same value with its keys the other way round, and tuples for lists."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return tuple(map(shuffled, value)) if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_keys_does_not_count(value):
    assert digest(shuffled(value)) == digest(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, "1"), (1, 1.0), (0, False), ([], {}), ([1, 2], [2, 1]), (None, "null"), ("é", "e")],
)
def test_what_json_tells_apart_is_told_apart(one, other):
    assert digest(one) != digest(other)


def test_the_digest_is_sha256_and_stays_as_it_is():
    # printf '{"a":[0.5,null],"b":1}' | sha256sum
    known = "a0e9efb45133394cdb2715f19808ddbb2a34dceb99f39f09a23578958b03e29a"
    assert digest({"b": 1, "a": [0.5, None]}) == known
    assert canonical_json({"b": 1, "a": [0.5, None], "é": True}) == (
        '{"a":[0.5,null],"b":1,"é":true}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": object()}])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        digest(value)
