"""What the checker found."""

from dataclasses import dataclass, field

PROBLEMS_SHOWN = 10


@dataclass
class Report:
    """One run: how much was asked, and what was wrong with the answers."""

    calls: int = 0
    acknowledged: int = 0
    """Ids whose outcome some client was told."""
    lost: int = 0
    """Acknowledged outcomes that the journal does not have, or has elsewhere or otherwise."""
    doubled: int = 0
    """Ids with two entries or two outcomes, and entries that nobody asked for."""
    wrong_reads: int = 0
    unanswered: int = 0
    """Ids that nobody could be told the outcome of, however often they were sent."""
    given_up: int = 0
    """Acknowledged outcomes that went with a tail that the failover lost, as it may."""
    problems: list[str] = field(default_factory=list)
    """Everything that is wrong, what is counted above included."""

    def lose(self, problem: str) -> None:
        self.lost += 1
        self.problems.append(problem)

    def double(self, problem: str) -> None:
        self.doubled += 1
        self.problems.append(problem)

    def misread(self, problem: str) -> None:
        self.wrong_reads += 1
        self.problems.append(problem)

    def wrong(self, problem: str) -> None:
        self.problems.append(problem)

    @property
    def good(self) -> bool:
        return not self.problems

    def require_good(self) -> "Report":
        """Return itself, or raise AssertionError with the first problems."""
        if self.good:
            return self
        shown = self.problems[:PROBLEMS_SHOWN]
        rest = len(self.problems) - len(shown)
        more = [f"... and {rest} more"] if rest else []
        numbers = f"lost {self.lost}, doubled {self.doubled}, wrong reads {self.wrong_reads}"
        raise AssertionError("\n  ".join([f"{self.calls} calls: {numbers}", *shown, *more]))
