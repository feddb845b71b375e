"""Laws of the batcher, on many random lengths from a fixed seed; no MLX."""

import itertools
import random

import pytest

from evidence_runner.batcher import Limits, cut, padded_length

BUCKETS = (16, 32, 64, 128)


def cases():
    source = random.Random(7)
    for _ in range(150):
        lengths = [source.randint(1, source.choice((8, 40, 256))) for _ in range(source.randint(0, 60))]
        buckets = source.choice(((), BUCKETS))
        yield (
            lengths,
            Limits(source.randint(1, 32), source.choice((32, 256, 512)), source.randint(0, 40), buckets),
        )


def cost(batches, limits):
    return sum(batch.padded_tokens + limits.pass_tokens for batch in batches)


def test_cut_puts_every_index_in_exactly_one_batch():
    for lengths, limits in cases():
        indices = [index for batch in cut(lengths, limits) for index in batch.indices]
        assert sorted(indices) == list(range(len(lengths)))


def test_cut_respects_rows_and_padded_tokens_unless_one_item_alone_exceeds_them():
    for lengths, limits in cases():
        for batch in cut(lengths, limits):
            assert 1 <= len(batch.indices) <= limits.rows
            assert batch.padded_tokens <= limits.padded_tokens or len(batch.indices) == 1


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
        limits = Limits(source.randint(1, 4), 128, source.randint(0, 30))
        least = min(
            sum(len(part) * part[-1] + limits.pass_tokens for part in parts)
            for parts in every_way(lengths)
            if all(
                len(part) == 1 or (len(part) <= limits.rows and len(part) * part[-1] <= 128) for part in parts
            )
        )
        assert cost(cut(lengths, limits), limits) == least


def every_way(lengths):
    for cuts in itertools.product((False, True), repeat=len(lengths) - 1):
        ends = [index + 1 for index, here in enumerate(cuts) if here] + [len(lengths)]
        yield [lengths[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def test_cut_of_nothing_is_nothing():
    assert cut([], Limits(8, 256, 16)) == []


@pytest.mark.parametrize(("length", "padded"), [(1, 16), (16, 16), (17, 32), (128, 128), (129, 129)])
def test_padded_length_is_the_smallest_bucket_that_holds_it(length, padded):
    assert padded_length(length, BUCKETS) == padded
