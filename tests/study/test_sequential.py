"""Repetitions that end by themselves: how they are written, what is refused, and that a number means what it meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import SpecError
from greenreport.plan import make_plan
from greenreport.study import Protocol, Study, load_study, registration, registration_digest
from tests.conftest import minimal_study

Write = Callable[..., Path]
RULE = {"at_least": 5, "at_most": 30, "until": {"interval_width": "5 %"}, "for": ["H1.0"]}


def protocol(repetitions: Any) -> dict[str, Any]:
    """Return the protocol of the minimal study with other repetitions."""
    return dict(minimal_study()["protocol"] | {"repetitions": repetitions})


def test_the_rule_is_read_with_its_limits(write_study: Write) -> None:
    """Numbers, width as a percentage or a share, and hypotheses; the plan has every block that may follow."""
    study = load_study(write_study(protocol=protocol(RULE))).study
    rule = study.protocol.sequential
    assert rule is not None
    assert (rule.at_least, rule.at_most, rule.until.interval_width, rule.hypotheses) == (5, 30, 0.05, ("H1.0",))
    assert (study.protocol.fewest_repetitions, study.protocol.most_repetitions) == (5, 30)
    assert max(run.repetition for run in make_plan(study, "prompts").runs) == 30
    assert Protocol.model_validate({"repetitions": RULE | {"until": {"interval_width": 0.05}}}) == Protocol.model_validate(
        {"repetitions": RULE}
    )


def test_a_number_means_what_it_meant() -> None:
    """Neither the fingerprints of cells nor the registration of a fixed number know of the rule."""
    fixed, open_end = (Study.model_validate(minimal_study(protocol=protocol(value))) for value in (10, RULE))
    assert registration(fixed)["repetitions"] == 10
    assert fixed.protocol.sequential is None
    assert fixed.protocol.fewest_repetitions == fixed.protocol.most_repetitions == 10
    cells = [[cell.fingerprint for cell in make_plan(study, "prompts").cells] for study in (fixed, open_end)]
    assert cells[0] == cells[1]


def test_looks_and_spending_are_registered() -> None:
    """Another width, another number of blocks or other hypotheses are another registration."""
    rules = [RULE, RULE | {"at_most": 31}, RULE | {"until": {"interval_width": 0.04}}, RULE | {"for": []}]
    registered = [registration(Study.model_validate(minimal_study(protocol=protocol(rule)))) for rule in rules]
    assert registered[0]["repetitions"] == {
        "at_least": 5, "at_most": 30, "until": {"interval_width": 0.05}, "for": ["H1.0"],
        "looks": "after each block", "spending": "in proportion to the blocks",
    }  # fmt: skip
    assert len({registration_digest(item) for item in registered}) == len(rules)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at_least": 2}, "at_least: 2 is not allowed: input should be greater than or equal to 3"),
        ({"at_least": 30}, "repetitions: at_least (30) is not below at_most (30); a fixed number is written `repetitions: 30`"),
        ({"at_most": 200}, "at_most: 200 is not allowed"),
        ({"until": {"interval_width": 0}}, "interval_width: 0 is not allowed: input should be greater than 0"),
        ({"until": {"interval_width": "five"}}, "interval_width: 'five' is not a share; write 0.02 or 2%"),
        ({"until": {"width": 0.05}}, "unknown key 'width'. Allowed: interval_width"),
        ({"for": ["H9.0"]}, "unknown hypothesis 'H9.0'"),
        ({"hypotheses": ["H1.0"]}, "unknown key 'hypotheses'"),
    ],
)
def test_what_is_wrong_is_a_sentence_at_its_line(change: dict[str, Any], message: str, write_study: Write) -> None:
    """Every limit is explained where it is passed."""
    file = write_study(protocol=protocol(RULE | change))
    with pytest.raises(SpecError) as caught:
        load_study(file)
    assert message in str(caught.value), str(caught.value)


def test_a_rule_needs_a_hypothesis(write_study: Write) -> None:
    """Without one there is no contrast to be decided."""
    with pytest.raises(SpecError, match="repetitions that end when contrasts are decided need a hypothesis"):
        load_study(write_study(protocol=protocol(RULE | {"for": []}), hypotheses=[]))
