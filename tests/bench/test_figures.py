"""Ratios, verdicts and the table, from numbers worked out by hand."""

import pytest

from bench.issuing import Round, throughput
from bench.report import Figure, markdown, quantile
from bench.soak import slope_of


def figure(ratio: float, goal: float, at_most: bool) -> Figure:
    return Figure("a", "sqlite", "1 ms", "2 ms", ratio, goal, at_most)


@pytest.mark.parametrize(
    ("ratio", "at_most", "met"), [(0.5, False, True), (0.49, False, False), (0.5, True, True), (0.51, True, False)]
)
def test_a_goal_is_met_at_it_and_on_its_better_side(ratio: float, at_most: bool, met: bool):
    assert figure(ratio, 0.5, at_most).is_met is met


def test_the_table_has_a_row_for_each_figure():
    table = markdown([figure(0.5, 0.5, False), figure(3, 2, True)]).splitlines()
    assert table[2:] == [
        "| a | sqlite | 1 ms | 2 ms | 0.50 | ≥ 0.5 | met |",
        "| a | sqlite | 1 ms | 2 ms | 3.00 | ≤ 2 | NOT met |",
    ]


def test_a_figure_says_that_others_were_at_work_meanwhile():
    one = figure(0.5, 0.5, False)
    one.others = 0.7
    assert one.row()[-1] == "met (others took 70 %)"


def rounds(*rates_and_others: tuple[float, float]) -> list[Round]:
    return [Round(rate, [0.1], {"others": others}) for rate, others in rates_and_others]


def test_rates_are_the_median_of_the_quieter_half_of_the_rounds():
    hall = rounds((10, 0), (20, 0.1), (30, 0.2), (500, 0.9), (600, 1.5))
    plain = rounds((40, 0), (1, 2))
    told = throughput("sqlite", hall, plain, 32)
    assert (told.ratio, told.others) == (0.5, 0.1)


def test_a_quantile_is_one_of_the_values():
    values = [float(value) for value in range(100, 0, -1)]
    assert [quantile(values, share) for share in (0.5, 0.99, 1.0)] == [51, 100, 100]


def test_the_slope_of_a_line_is_found_through_its_noise():
    assert slope_of([(0, 10), (1, 13), (2, 14), (3, 15), (4, 18)]) == pytest.approx(1.8)
