"""The cache of beginnings: its bound, its order, its figures, and readers of what has gone."""

import mlx.core as mx

from evidence_runner.ops.prefixes import LEAST_TOKENS, Prefixes

IDS = list(range(LEAST_TOKENS))


def arrays(numbers: int):
    """One layer's keys and values, of as many float32 numbers in all."""
    half = mx.zeros((1, 1, numbers // 2, 1))
    return [(half, half)]


def key(prefixes: Prefixes, first: int, scope: str = "here"):
    made = prefixes.key(scope, [first, *IDS])
    assert made is not None
    return made


def test_what_is_kept_is_found_by_scope_and_tokens_alone():
    prefixes = Prefixes(10_000)
    kept = arrays(100)
    prefixes.keep(key(prefixes, 1), kept)
    assert prefixes.find(key(prefixes, 1)) is kept
    assert prefixes.find(key(prefixes, 2)) is None
    assert prefixes.find(key(prefixes, 1, "there")) is None
    assert prefixes.figures[:2] == (1, 2)


def test_nothing_is_kept_without_a_scope_or_when_it_is_short():
    prefixes = Prefixes(10_000)
    assert prefixes.key("", IDS) is None
    assert prefixes.key("here", IDS[1:]) is None
    assert prefixes.key("here", IDS) is not None


def test_the_least_recently_used_goes_when_the_bytes_are_used_up():
    prefixes = Prefixes(1_500)
    for first in (1, 2, 3):
        prefixes.keep(key(prefixes, first), arrays(100))
    assert prefixes.figures.entries == 3
    assert prefixes.find(key(prefixes, 1)) is not None
    prefixes.keep(key(prefixes, 4), arrays(100))
    assert prefixes.find(key(prefixes, 2)) is None
    assert prefixes.find(key(prefixes, 1)) is not None
    figures = prefixes.figures
    assert (figures.evictions, figures.entries) == (1, 3)
    assert figures.bytes == prefixes.bytes <= 1_500


def test_bytes_count_the_arrays_and_what_finds_them():
    prefixes = Prefixes(10_000)
    made = key(prefixes, 1)
    prefixes.keep(made, arrays(100))
    assert prefixes.bytes == 400 + len(made[0]) + len(made[1])
    prefixes.keep(made, arrays(200))
    assert prefixes.bytes == 800 + len(made[0]) + len(made[1])
    assert prefixes.figures.entries == 1


def test_one_that_is_larger_than_the_bound_drives_nothing_out():
    prefixes = Prefixes(1_000)
    prefixes.keep(key(prefixes, 1), arrays(100))
    prefixes.keep(key(prefixes, 2), arrays(1000))
    assert prefixes.find(key(prefixes, 2)) is None
    assert prefixes.find(key(prefixes, 1)) is not None
    assert prefixes.figures.evictions == 0


def test_a_reader_holds_what_has_gone():
    prefixes = Prefixes(600)
    prefixes.keep(key(prefixes, 1), [(mx.ones((1, 1, 50, 1)), mx.ones((1, 1, 50, 1)))])
    held = prefixes.find(key(prefixes, 1))
    prefixes.keep(key(prefixes, 2), arrays(100))
    assert prefixes.find(key(prefixes, 1)) is None
    assert held is not None and held[0][0].sum().item() == 50


def test_a_call_that_joins_one_that_reads_is_a_hit():
    prefixes = Prefixes(1_000)
    assert prefixes.find(key(prefixes, 1)) is None
    prefixes.joined()
    assert prefixes.figures[:2] == (1, 1)


def test_clear_forgets_figures_too():
    prefixes = Prefixes(1_000)
    prefixes.keep(key(prefixes, 1), arrays(100))
    prefixes.find(key(prefixes, 1))
    prefixes.clear()
    assert prefixes.figures == (0, 0, 0, 0, 0)
    assert prefixes.most_bytes == 1_000
