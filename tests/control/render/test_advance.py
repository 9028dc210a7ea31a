"""Deciding, tried on single cases and on thousands of made-up histories."""

import random
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.render.advance import (
    ATTEMPTS,
    LIVE,
    Attempt,
    Decision,
    JobState,
    Made,
    Node,
    Situation,
    advance,
)
from control.render.views import ENDED

ME, OTHER = "me", "other"
CHAIN = (Node("a", "fa"), Node("b", "fb", ("a",)), Node("c", "fc", ("b",)), Node("d", "fd"))


def states(decision: Decision) -> dict[str, str]:
    return {path: standing.state for path, standing in decision.standings.items()}


def ended(state: JobState, *, payer: str = ME, number: int = 1, retryable: bool = False) -> Attempt:
    return Attempt(number, state, payer, retryable=retryable, reason="because")


def test_what_needs_nothing_is_submitted_in_order() -> None:
    decision = advance(Situation(ME, CHAIN))
    assert decision.submit == ("a", "d")
    assert states(decision) == {"a": "ready", "b": "waiting", "c": "waiting", "d": "ready"}
    assert decision.end is None


def test_what_is_made_is_not_made_again() -> None:
    made = {fp: Made("done", OTHER) for fp in ("fa", "fb", "fc", "fd")}
    decision = advance(Situation(ME, CHAIN, made))
    assert (decision.submit, decision.end) == ((), "done")


@pytest.mark.parametrize("state", sorted(LIVE))
@pytest.mark.parametrize("payer", [ME, OTHER])
def test_a_live_job_is_waited_for_whoever_pays(state: JobState, payer: str) -> None:
    decision = advance(Situation(ME, CHAIN[:1], attempts={"fa": (ended(state, payer=payer),)}))
    assert (decision.submit, decision.end) == ((), None)


def test_an_unknown_job_says_that_it_may_have_been_billed() -> None:
    decision = advance(Situation(ME, CHAIN[:1], attempts={"fa": (ended("unknown"),)}))
    assert decision.standings["a"].reason == "may have been billed"


def test_a_failure_fails_only_what_needs_it_and_the_rest_is_finished_first() -> None:
    situation = Situation(ME, CHAIN, attempts={"fa": (ended("failed"),)})
    decision = advance(situation)
    assert states(decision) == {"a": "failed", "b": "blocked", "c": "blocked", "d": "ready"}
    assert (decision.submit, decision.end) == (("d",), None)
    decision = advance(replace(situation, made={"fd": Made("done", ME)}))
    assert (decision.end, decision.reason) == ("failed", "a: because")


def test_a_retryable_failure_is_tried_twice_more() -> None:
    attempts: tuple[Attempt, ...] = ()
    for number in range(1, ATTEMPTS + 1):
        assert advance(Situation(ME, CHAIN[:1], attempts={"fa": attempts})).submit == ("a",)
        attempts = (*attempts, ended("failed", number=number, retryable=True))
    decision = advance(Situation(ME, CHAIN[:1], attempts={"fa": attempts}))
    assert (decision.submit, decision.end) == ((), "failed")
    assert decision.standings["a"].reason == "because (3 attempts)"


def test_a_job_that_nobody_was_there_to_send_uses_up_no_attempt() -> None:
    unsent = tuple(replace(ended("never_started", number=n, retryable=True), untried=True) for n in range(1, 5))
    assert advance(Situation(ME, CHAIN[:1], attempts={"fa": unsent})).submit == ("a",)
    tried = tuple(replace(attempt, untried=False) for attempt in unsent)
    assert advance(Situation(ME, CHAIN[:1], attempts={"fa": tried})).end == "failed"


def test_what_others_paid_for_does_not_use_up_my_attempts() -> None:
    attempts = tuple(ended("failed", payer=OTHER, number=n, retryable=True) for n in range(1, 5))
    assert advance(Situation(ME, CHAIN[:1], attempts={"fa": attempts})).submit == ("a",)


@pytest.mark.parametrize("state", ["never_started", "cancelled", "written_off"])
def test_known_ends_without_a_result_may_be_submitted_again(state: JobState) -> None:
    assert advance(Situation(ME, CHAIN[:1], attempts={"fa": (ended(state),)})).submit == ("a",)


def test_a_lost_job_is_made_again_only_where_that_is_the_doors_policy() -> None:
    lost = {"fa": (ended("lost"),)}
    assert advance(Situation(ME, (Node("a", "fa"),), attempts=lost)).end == "failed"
    assert advance(Situation(ME, (Node("a", "fa", rerun_lost=True),), attempts=lost)).submit == ("a",)


def test_a_degraded_artifact_serves_who_paid_for_it() -> None:
    assert advance(Situation(ME, CHAIN[:1], {"fa": Made("degraded", ME)})).end == "done"
    assert advance(Situation(ME, CHAIN[:1], {"fa": Made("degraded", OTHER)})).submit == ("a",)
    assert advance(Situation(ME, CHAIN[:1], {"fa": Made("degraded", OTHER, kept=True)})).end == "done"


def test_a_paused_render_submits_nothing_and_goes_on_later() -> None:
    decision = advance(Situation(ME, CHAIN, paused=True))
    assert (decision.submit, decision.end) == ((), None)


def test_a_step_without_fingerprint_waits_for_a_fact() -> None:
    nodes = (Node("line", "fl"), Node("clip", None, ()))
    decision = advance(Situation(ME, nodes))
    assert states(decision) == {"line": "ready", "clip": "waiting"}


def test_a_step_that_waits_for_what_never_comes_is_blocked() -> None:
    nodes = (Node("line", "fl"), Node("clip", None, ()))
    decision = advance(Situation(ME, nodes, attempts={"fl": (ended("failed"),)}))
    assert states(decision) == {"line": "failed", "clip": "blocked"}
    assert decision.end == "failed"


def test_a_step_no_budget_allows_fails_and_says_so() -> None:
    decision = advance(Situation(ME, CHAIN, refused={"a": "too dear"}))
    assert decision.standings["a"].reason == "too dear"
    assert decision.submit == ("d",)


def test_a_cancelled_render_submits_nothing_and_waits_for_its_own_jobs() -> None:
    mine = Attempt(1, "running", ME, cancel_requested=True)
    theirs = Attempt(1, "running", OTHER, cancel_requested=False)
    situation = Situation(ME, CHAIN, attempts={"fa": (mine,), "fd": (theirs,)}, cancelled=True)
    decision = advance(situation)
    assert states(decision) == {"a": "running", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    assert (decision.submit, decision.end) == ((), None)
    done = replace(situation, attempts={"fa": (ended("cancelled"),), "fd": (theirs,)})
    assert advance(done).end == "cancelled"


def test_a_cancelled_render_does_not_wait_for_what_nobody_knows() -> None:
    unknown = Attempt(1, "unknown", ME, cancel_requested=True)
    decision = advance(Situation(ME, CHAIN[:1], attempts={"fa": (unknown,)}, cancelled=True))
    assert (decision.end, decision.standings["a"].reason) == ("cancelled", "may have been billed")


JOB_STATES: tuple[JobState, ...] = get_args(JobState)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """A graph of up to ten steps with any history behind it."""
    count = draw(st.integers(1, 10))
    nodes: list[Node] = []
    for i in range(count):
        needs = draw(st.lists(st.sampled_from([n.path for n in nodes]), unique=True, max_size=3)) if nodes else []
        fp = draw(st.sampled_from([None, f"f{i}", f"f{i}", f"f{i}"]))
        nodes.append(Node(f"p{i}", fp, tuple(needs), draw(st.booleans())))
    prints = [n.fp for n in nodes if n.fp is not None]
    attempt = st.builds(
        Attempt,
        number=st.just(1),
        state=st.sampled_from(JOB_STATES),
        payer=st.sampled_from([ME, OTHER]),
        cancel_requested=st.booleans(),
        retryable=st.booleans(),
    )
    made = st.builds(Made, st.sampled_from(["done", "degraded"]), st.sampled_from([ME, OTHER]), st.booleans())
    some = st.sampled_from(prints) if prints else st.nothing()
    return Situation(
        ME,
        tuple(nodes),
        made=draw(st.dictionaries(some, made, max_size=len(prints))),
        attempts=draw(st.dictionaries(some, st.lists(attempt, max_size=4).map(tuple), max_size=len(prints))),
        cancelled=draw(st.booleans()),
        paused=draw(st.booleans()),
    )


@settings(max_examples=200, deadline=None, print_blob=True)
@given(situations())
def test_whatever_happened_before_the_laws_hold(now: Situation) -> None:
    decision = advance(now)
    assert decision == advance(now)
    assert set(decision.standings) == {n.path for n in now.nodes}
    by_path = {n.path: n for n in now.nodes}
    for path in decision.submit:
        node = by_path[path]
        assert node.fp is not None
        assert not (node.fp in now.made and now.made[node.fp].serves(ME))
        history = now.attempts.get(node.fp, ())
        assert not history or history[-1].state not in LIVE
        assert sum(a.payer == ME and a.state != "written_off" for a in history) < ATTEMPTS
        assert all(decision.standings[need].state in ("done", "degraded") for need in node.needs)
        assert not now.cancelled
        assert not now.paused
    unended = [p for p, s in decision.standings.items() if s.state not in ENDED]
    assert (decision.end is None) == bool(unended)
    # It never stands still: what has not ended is moving, or would move were it not paused.
    if unended:
        assert any(decision.standings[p].state in ("ready", "queued", "running", "unknown") for p in unended)


@settings(max_examples=200, deadline=None, print_blob=True)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_every_history_comes_to_an_end(seed: int, count: int) -> None:
    """A door that does anything at all: every render ends, and nothing made is paid for again."""
    rng = random.Random(seed)
    nodes = tuple(
        Node(f"p{i}", f"f{i}", tuple(f"p{j}" for j in range(i) if rng.random() < 0.3), rng.random() < 0.5)
        for i in range(count)
    )
    made: dict[str, Made] = {}
    attempts: dict[str, tuple[Attempt, ...]] = {}
    now = Situation(ME, nodes, made, attempts)
    for _ in range(count * 40):
        decision = advance(now)
        if decision.end is not None:
            break
        for path in decision.submit[: rng.randint(1, 3)]:
            fp = f"f{path[1:]}"
            assert fp not in made
            history = attempts.get(fp, ())
            attempts[fp] = (*history, Attempt(len(history) + 1, "intent", ME))
        for fp, history in list(attempts.items()):
            if history[-1].state in LIVE and rng.random() < 0.5:
                state = rng.choice(JOB_STATES)
                attempts[fp] = (*history[:-1], replace(history[-1], state=state, retryable=rng.random() < 0.5))
                if state in ("done", "degraded"):
                    made[fp] = Made("done" if state == "done" else "degraded", ME)
    assert advance(now).end is not None
    assert all(
        len(history) <= ATTEMPTS + sum(a.state == "written_off" for a in history) for history in attempts.values()
    )
