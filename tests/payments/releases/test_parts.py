"""Fee and tax over several releases: pro rata, to the unit, and never more than a release."""

from hypothesis import example, given
from hypothesis import strategies as st

from payments.releases.parts import Parts, Whole, split

Case = tuple[Whole, list[int]]


@st.composite
def orders(draw: st.DrawFn, *, share: int = 1, least: int = 1) -> Case:
    """An order, of which fee and tax are at most one in `share`, and amounts that add up to it."""
    amount = draw(st.integers(8 * least, 10**24))
    tax = draw(st.integers(0, amount // share))
    fee = draw(st.integers(0, amount // share - tax))
    steps = draw(st.sets(st.integers(1, amount // least - 1), max_size=6))
    cuts = [step * least for step in sorted(steps)]
    parts = [end - start for start, end in zip([0, *cuts], [*cuts, amount], strict=True)]
    return Whole(amount, fee, tax), parts


def release_all(order: Whole, amounts: list[int]) -> list[Parts]:
    made: list[Parts] = []
    for place, amount in enumerate(amounts):
        before = Whole(
            sum(amounts[:place]),
            sum(part.platform_fee for part in made),
            sum(part.tax for part in made),
        )
        made.append(split(amount, order=order, before=before))
    return made


@given(orders())
@example((Whole(10, 1, 1), [1] * 10))
def test_no_release_bears_more_than_itself_and_all_together_no_more_than_the_order(
    case: Case,
) -> None:
    order, amounts = case
    made = release_all(order, amounts)
    for amount, part in zip(amounts, made, strict=True):
        assert min(part.platform_fee, part.tax) >= 0
        assert part.platform_fee + part.tax <= amount
    assert sum(part.tax for part in made) == order.tax
    assert order.platform_fee - sum(part.platform_fee for part in made) in (0, 1)


@given(orders(share=2, least=4))
def test_after_each_release_the_sums_are_the_exact_shares_rounded_down(case: Case) -> None:
    order, amounts = case
    made = release_all(order, amounts)
    for place in range(1, len(made) + 1):
        released, so_far = sum(amounts[:place]), made[:place]
        assert sum(p.tax for p in so_far) == order.tax * released // order.amount
        assert sum(p.platform_fee for p in so_far) == order.platform_fee * released // order.amount
    assert sum(p.platform_fee for p in made) == order.platform_fee


def test_what_canceled_releases_would_have_borne_is_borne_by_the_next() -> None:
    order = Whole(100, 3, 10)
    second = split(50, order=order, before=Whole(50, 1, 5))
    assert second == Parts(platform_fee=2, tax=5)
    # The first of the two is canceled: what is left bears no more than it must.
    again = split(50, order=order, before=Whole(50, second.platform_fee, second.tax))
    assert again == Parts(platform_fee=1, tax=5)
    assert split(1, order=order, before=Whole(50, 2, 5)) == Parts(platform_fee=0, tax=0)
