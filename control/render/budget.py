"""Budgets in words: what they leave, and what to do where that is not enough. Pure."""

import time

from control.render.ledger import Room

SET = "set one with `vivijure budget set --month 20`, on the page Costs, or by PUT /api/budget"
RAISE = "raise it with `vivijure budget set --month DOLLARS`, on the page Costs, or by PUT /api/budget"


def month_of(now: int) -> str:
    """The UTC month `YYYY-MM` of a time in milliseconds."""
    return time.strftime("%Y-%m", time.gmtime(now / 1000))


def usd(micro: int) -> str:
    """Micro-dollars as dollars, rounded up to the cent, or to what shows a smaller sum."""
    cents = -(-micro // 10_000)
    return f"${cents / 100:,.2f}" if micro >= 10_000 or micro == 0 else f"${micro / 1e6:.4f}"


def price(micro: int) -> str:
    """Micro-dollars of a single second or piece, to the last digit."""
    return f"${micro / 1e6:,.6f}".rstrip("0").rstrip(".")


def shortage(bound_u: int, month: str, room: Room) -> str:
    """Why a job of this upper bound may not be submitted, and what to do."""
    if room.render_spent + bound_u > room.render_limit:
        return (
            f"its upper bound of {usd(bound_u)} does not fit the budget of this render: "
            f"{usd(room.render_spent)} of {usd(room.render_limit)} are spent; render again to see a new quote, "
            "what is made is kept"
        )
    return no_month(bound_u, month, room.month_spent, room.month_limit) + " and render again, what is made is kept"


def no_month(bound_u: int, month: str, spent_u: int, limit_u: int) -> str:
    """Why a month's budget does not allow this upper bound, and what to do."""
    if limit_u == 0:
        return f"it may cost up to {usd(bound_u)}, and no monthly budget is set, so nothing is paid for: {SET}"
    return (
        f"its upper bound of {usd(bound_u)} does not fit the budget of {month}: "
        f"{usd(spent_u)} of {usd(limit_u)} are spent or held; {RAISE}"
    )
