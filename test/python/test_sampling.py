"""Samplers: the likeliest token, seeds that repeat, and draws that keep to what was asked for."""

import mlx.core as mx
import pytest

from evidence_runner.models.sampling import greedy, sample, sampler_of

CHANCES = (0.4, 0.3, 0.2, 0.05, 0.05)
LOGITS = mx.log(mx.array([CHANCES]))


def draws(sampler, logits=LOGITS, count=400):
    made = [sampler(logits) for _ in range(count)]
    assert made[0].shape == (1,)
    return mx.concatenate(made).tolist()


def test_temperature_0_takes_the_likeliest_and_is_shared_by_all_rows():
    sampler = sampler_of(0.0, 0.5, 3, 7)
    assert sampler is greedy
    assert draws(sampler, count=1) == [0]


def test_a_seed_repeats_and_another_differs():
    wanted = (1.0, 1.0, 0)
    one = draws(sampler_of(*wanted, 7), count=50)
    assert draws(sampler_of(*wanted, 7), count=50) == one
    assert draws(sampler_of(*wanted, 8), count=50) != one
    # The upper half of a seed counts too.
    assert draws(sampler_of(*wanted, 7 + (1 << 40)), count=50) != one


def test_without_a_seed_rows_differ():
    assert draws(sampler_of(1.0, 1.0, 0, None), count=60) != draws(sampler_of(1.0, 1.0, 0, None), count=60)


def test_draws_come_as_often_as_they_are_likely():
    made = draws(sampler_of(1.0, 1.0, 0, 3), count=1500)
    for token, chance in enumerate(CHANCES):
        assert made.count(token) / len(made) == pytest.approx(chance, abs=0.05)


@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_a_temperature_sharpens_and_logits_need_not_be_normalised(shift):
    made = draws(sampler_of(0.5, 1.0, 0, 3), LOGITS + shift, count=1000)
    squares = [chance**2 for chance in CHANCES]
    assert made.count(0) / len(made) == pytest.approx(squares[0] / sum(squares), abs=0.05)


@pytest.mark.parametrize(
    ("top_p", "top_k", "left"),
    [
        (1.0, 2, {0, 1}),
        (0.5, 0, {0, 1}),
        (0.71, 0, {0, 1, 2}),
        (0.01, 0, {0}),
        (0.9, 4, {0, 1, 2}),
        (1.0, 99, {0, 1, 2, 3, 4}),
    ],
)
def test_only_the_likeliest_are_drawn(top_p, top_k, left):
    order = mx.array([[2, 0, 4, 1, 3]])
    shuffled = mx.take_along_axis(LOGITS, order, axis=-1)
    made = {order[0, token].item() for token in draws(sampler_of(1.0, top_p, top_k, 5), shuffled)}
    assert made == left


def test_rows_together_draw_what_each_draws_alone():
    wanted = [(0.0, 1.0, 0), (1.0, 1.0, 0), (0.7, 1.0, 0), (1.0, 0.8, 0), (1.3, 0.9, 3), (1.0, 1.0, 3)]
    logits = mx.random.normal((len(wanted), 50), key=mx.random.key(1))
    alone = [draws(sampler_of(*each, 9), logits[row : row + 1], 20) for row, each in enumerate(wanted)]
    for rows in (range(len(wanted)), [1, 2], [4], [3, 1, 0]):
        samplers = [sampler_of(*wanted[row], 9) for row in rows]
        together = [sample(samplers, logits[mx.array(list(rows))]).tolist() for _ in range(20)]
        for at, row in enumerate(rows):
            assert [each[at] for each in together] == alone[row]
