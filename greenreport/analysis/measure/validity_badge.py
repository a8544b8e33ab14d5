"""The validity badge of a study: rules that are checked by machine, each with its result and a link to the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, gate_of, sameness
from greenreport.catalog import METRICS
from greenreport.record import FlagCode, Outcome
from greenreport.units import counted, declared_percent, listed

PUBLICATION_FLOOR = 5  # repetitions
MOST_NAMED = 3  # rules that are not passed, beside their number


class BadgeLevel(StrEnum):
    """Overall validity."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    CAUTION = "caution"
    INVALID = "invalid"
    NO_DATA = "no data"


@dataclass(frozen=True, slots=True)
class BadgeRule:
    """A checked rule.

    Attributes:
        evidence: the page of the study that shows it.
        doubt: what is wrong in two or three words, where its name does not say it: ``estimated energy``.
    """

    name: str
    level: BadgeLevel
    found: str
    evidence: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Badge:
    """The worst level of all rules, and the rules; `recorded`: whether greenreport saw the runs, so that there is a protocol to check."""

    level: BadgeLevel
    rules: tuple[BadgeRule, ...]
    recorded: bool = True

    @property
    def words(self) -> str:
        """How many rules hold, or that the study is not to be used."""
        passed = sum(rule.level is BadgeLevel.PASS for rule in self.rules)
        match self.level:
            case BadgeLevel.NO_DATA:
                return "No runs yet"
            case BadgeLevel.INVALID:
                return "Validity: do not use"
            case BadgeLevel.CAUTION if not self.recorded:
                return "Validity: cannot be checked; the measurement protocol is not known"
            case _:
                return f"Validity: {passed} of {counted(len(self.rules), 'check')} passed"

    @property
    def doubts(self) -> str:
        """The reservations in a few words; empty where every rule is passed, and where the study is not to be used."""
        names = [rule.doubt or rule.name for rule in self.reasons if self.recorded or rule.name != "protocol"]
        if self.level is not BadgeLevel.CAUTION or not names:
            return ""
        few = names if len(names) <= MOST_NAMED + 1 else [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
        return f"reservations: {listed(few)}"

    @property
    def reasons(self) -> tuple[BadgeRule, ...]:
        """Rules that are not passed, worst first."""
        failed = (rule for rule in self.rules if rule.level is not BadgeLevel.PASS)
        return tuple(sorted(failed, key=lambda rule: rule.level is BadgeLevel.CAUTION))


def judge(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> Badge:
    """Check every rule."""
    if not dataset.outcomes.total():
        return Badge(BadgeLevel.NO_DATA, (BadgeRule("runs", BadgeLevel.NO_DATA, "no run has been made yet", "methods"),))
    rules = tuple(_rules(dataset, fidelity)) if not dataset.imported else tuple(_imported(dataset))
    order = [BadgeLevel.INVALID, BadgeLevel.CAUTION, BadgeLevel.PASS]
    return Badge(min((rule.level for rule in rules), key=order.index), rules, not dataset.imported)


def _rules(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> Iterator[BadgeRule]:
    protocol = dataset.study.protocol
    yield _completeness(dataset.outcomes, len(dataset.cells) * dataset.repetitions)
    fewest = dataset.fewest

    def rule(name: str, met: bool, state: str, doubt: str, evidence: str = "methods") -> BadgeRule:
        return BadgeRule(name, BadgeLevel.PASS if met else BadgeLevel.CAUTION, state, evidence, doubt)

    enough = fewest >= min(dataset.repetitions, PUBLICATION_FLOOR) and dataset.repetitions >= PUBLICATION_FLOOR
    most = max((len(cell.ok) for cell in dataset.cells), default=0)
    valid = counted(most, "valid run") if fewest == most else f"{fewest} to {counted(most, 'valid run')}"
    yield rule("repetitions", enough, f"{valid} in each cell that ran, {protocol.repetitions} declared", "few repetitions")
    randomised = protocol.order.design != "fixed"
    state = protocol.order.words if randomised else "fixed order: time and configuration are confounded"
    yield rule("order of runs", randomised, state, "fixed order")
    baseline = protocol.idle_baseline_s > 0
    idle = f"{protocol.idle_baseline_s:g} s before and after each window"
    state = idle if baseline else "none; net energy cannot be computed"
    yield rule("idle baseline", baseline, state, "no idle baseline")
    cooled = protocol.cooldown.until != "none"
    state = f"until {protocol.cooldown.until}" if cooled else "none; heat of one run may reach the next"
    yield rule("cool-down", cooled, state, "no cool-down")
    yield _energy(dataset)
    yield _fidelity(dataset, fidelity)
    yield from _flags(dataset)
    if dataset.environment is not None:
        virtual = dataset.environment.virtualisation
        state = f"{virtual}: other guests may share the hardware" if virtual else "looks physical"
        yield rule("machine", not virtual, state, "virtual machine", "environment")
    if dataset.simulated:
        state = "the fake engine serves no model: these results are a test of greenreport"
        yield BadgeRule("engines", BadgeLevel.INVALID, state, "methods")


def _completeness(outcomes: Counter[Outcome], planned: int) -> BadgeRule:
    ok = outcomes[Outcome.OK]
    others = ", ".join(f"{n} {o.value.replace('_', ' ')}" for o, n in sorted(outcomes.items()) if o is not Outcome.OK)
    missing = planned - outcomes.total()
    rest = "; ".join(part for part in (others, f"{missing} not done" if missing else "") if part)
    level = BadgeLevel.PASS if ok == planned else BadgeLevel.INVALID if ok == 0 else BadgeLevel.CAUTION
    return BadgeRule(
        "runs", level, f"{ok} of {planned} planned runs are valid" + (f" ({rest})" if rest else ""), "validity", "runs missing"
    )


def _energy(dataset: Dataset) -> BadgeRule:
    boundaries = dataset.boundaries("energy_j")
    if dataset.estimated:
        state, doubt = "estimated by a power model from the CPU load, not measured", "estimated energy"
    elif not dataset.has("energy_j"):
        state, doubt = "not measured on this machine", "no energy"
    elif len(boundaries) > 1:
        state, doubt = f"cells have different boundaries: {'; '.join(boundaries)}", "different energy boundaries"
    else:
        return BadgeRule("energy", BadgeLevel.PASS, f"measured: {', '.join(boundaries)}", "methods")
    return BadgeRule("energy", BadgeLevel.CAUTION, state, "methods", doubt)


def _fidelity(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> BadgeRule:
    """Pass only where every cell was compared and gives exactly the outputs of the reference, in every run."""
    same, total = sameness(fidelity), len(fidelity)
    gate, _ = gate_of(dataset.study)
    differing = same.compared - same.exact
    if same.unfaithful:
        verbs = ("gives", "is") if same.unfaithful == 1 else ("give", "are")
        state = f"{same.unfaithful} of {counted(total, 'cell')} {verbs[0]} other outputs than the reference and {verbs[1]} not ranked"
    elif same.unknown:
        state = f"{same.unknown} of {counted(total, 'cell')} {'has' if same.unknown == 1 else 'have'} no outputs to compare"
    elif differing:
        admits = f"at least {declared_percent(gate)} of outputs equal" if gate else "any difference of outputs"
        exact = f"{same.exact} of {counted(same.compared, 'cell')} {'gives' if same.exact == 1 else 'give'} exactly the outputs of the reference"
        state = f"{exact}, {differing} within what the study allows ({admits})"
    elif same.unstable:
        state = f"{same.unstable} of {counted(total, 'cell')} {'does' if same.unstable == 1 else 'do'} not give the same outputs in every run"
    elif same.compared:
        return BadgeRule("same work", BadgeLevel.PASS, "every cell gives the outputs of the reference", "fidelity")
    else:
        return BadgeRule("same work", BadgeLevel.PASS, "there is no other configuration to compare outputs with", "fidelity")
    doubt = (
        "different outputs" if same.unfaithful or differing else "outputs not compared" if same.unknown else "unstable outputs"
    )
    return BadgeRule("same work", BadgeLevel.CAUTION, state, "fidelity", doubt)


QUIET = frozenset({FlagCode.ESTIMATED_ENERGY})  # has a rule, and a band, of its own


def _flags(dataset: Dataset) -> Iterator[BadgeRule]:
    flags = Counter(code for cell in dataset.cells for run in cell.ok for code in {flag.code for flag in run.flags} - QUIET)
    total = sum(len(cell.ok) for cell in dataset.cells)
    for code, number in flags.most_common():
        detail = next(f.detail for c in dataset.cells for r in c.ok for f in r.flags if f.code == code)
        state = f"{number} of {total} valid runs, for example: {detail}"
        yield BadgeRule(code.replace("_", " "), BadgeLevel.CAUTION, state, "validity")


def _imported(dataset: Dataset) -> Iterator[BadgeRule]:
    runs = min((len(cell.runs) for cell in dataset.cells), default=0)
    level = BadgeLevel.PASS if runs >= PUBLICATION_FLOOR else BadgeLevel.CAUTION
    yield BadgeRule("repetitions", level, f"at least {counted(runs, 'value')} in each cell", "data", "few repetitions")
    for metric, info in METRICS.items():
        seen = [o for cell in dataset.cells for run in cell.runs if (o := run.observations.get(metric)) is not None]
        invalid = [o for o in seen if o.value is None]
        if invalid:
            found = f"{len(invalid):,} of {counted(len(seen), 'value')} of {info.noun} are left out, for example: {invalid[0].reason}"
            yield BadgeRule("possible values", BadgeLevel.CAUTION, found, "data", "impossible values")
    yield BadgeRule("protocol", BadgeLevel.CAUTION, f"not known: {dataset.source}", "methods")
