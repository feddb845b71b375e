"""Laws of the batcher, on many random lengths from a fixed seed; no MLX."""

import itertools
import random

import pytest

from evidence_runner.batcher import Grid, Limits, cut, padded_length

BUCKETS = (16, 32, 64, 128)


def cases():
    source = random.Random(7)
    for _ in range(150):
        lengths = [source.randint(1, source.choice((8, 40, 256))) for _ in range(source.randint(0, 60))]
        buckets, grid = source.choice(((), BUCKETS)), source.choice((None, Grid(0.04, 0.0024)))
        tokens = source.choice((32, 256, 512))
        yield lengths, Limits(source.randint(1, 32), tokens, source.randint(0, 40), buckets, grid)


def cost(parts, limits):
    """What sub-batches cost, given as the lengths of their items."""
    return sum(limits.cost(len(part), max(part), sum(part)) + limits.pass_tokens for part in parts)


def test_cut_puts_every_index_in_exactly_one_batch():
    for lengths, limits in cases():
        indices = [index for batch in cut(lengths, limits) for index in batch.indices]
        assert sorted(indices) == list(range(len(lengths)))


def test_cut_respects_rows_and_tokens_unless_one_item_alone_exceeds_them():
    for lengths, limits in cases():
        for batch in cut(lengths, limits):
            own = sum(lengths[index] for index in batch.indices)
            assert 1 <= len(batch.indices) <= limits.rows
            counted = len(batch.indices) * batch.length if limits.grid is None else own
            assert counted <= limits.tokens or len(batch.indices) == 1


def test_padding_costs_as_much_as_tokens_unless_attention_alone_sees_it():
    assert Limits(8, 256, 16).cost(3, 20, 31) == 60
    assert Limits(8, 256, 16, grid=Grid(0.1, 0.01)).cost(3, 20, 31) == 31 + 60 * 0.1 + 3 * 20 * 20 * 0.01
    for grid, sizes in ((None, [1, 2]), (Grid(0.04, 0.0024), [3])):
        made = cut([20, 30, 40], Limits(8, 256, 16, grid=grid))
        assert [len(batch.indices) for batch in made] == sizes


def test_cut_pads_to_the_longest_item_or_its_bucket():
    for lengths, limits in cases():
        for batch in cut(lengths, limits):
            assert batch.length == padded_length(
                max(lengths[index] for index in batch.indices), limits.buckets
            )


def test_cut_goes_from_short_to_long_and_keeps_arrival_order_among_equals():
    for lengths, limits in cases():
        order = [index for batch in cut(lengths, limits) for index in batch.indices]
        assert order == sorted(range(len(lengths)), key=lambda index: (lengths[index], index))


def test_cut_gives_the_same_cuts_again_and_the_same_lengths_in_any_order():
    for lengths, limits in cases():
        shuffled = random.Random(1).sample(lengths, len(lengths))
        shapes = [(len(batch.indices), batch.length) for batch in cut(lengths, limits)]
        assert cut(lengths, limits) == cut(lengths, limits)
        assert [(len(batch.indices), batch.length) for batch in cut(shuffled, limits)] == shapes


def test_cut_costs_no_more_than_any_other_way_to_cut_sorted_lengths():
    source = random.Random(3)
    for _ in range(40):
        lengths = sorted(source.randint(1, 60) for _ in range(source.randint(1, 9)))
        grid = source.choice((None, Grid(0.04, 0.0024), Grid(0.2, 0.02)))
        limits = Limits(source.randint(1, 4), 128, source.randint(0, 30), grid=grid)
        least = min(
            cost(parts, limits)
            for parts in every_way(lengths)
            if all(
                len(part) == 1
                or (len(part) <= limits.rows and limits.size(len(part), part[-1], sum(part)) <= limits.tokens)
                for part in parts
            )
        )
        made = [[lengths[index] for index in batch.indices] for batch in cut(lengths, limits)]
        assert cost(made, limits) == pytest.approx(least)


def every_way(lengths):
    for cuts in itertools.product((False, True), repeat=len(lengths) - 1):
        ends = [index + 1 for index, here in enumerate(cuts) if here] + [len(lengths)]
        yield [lengths[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def test_cut_of_nothing_is_nothing():
    assert cut([], Limits(8, 256, 16)) == []


@pytest.mark.parametrize(("length", "padded"), [(1, 16), (16, 16), (17, 32), (128, 128), (129, 129)])
def test_padded_length_is_the_smallest_bucket_that_holds_it(length, padded):
    assert padded_length(length, BUCKETS) == padded
