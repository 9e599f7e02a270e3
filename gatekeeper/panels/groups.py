"""Small groups of people: what is told of so few that it might be somebody is folded into the rest."""

from collections.abc import Sequence

from gatekeeper.core.panels import Cell, Hidden

#: What the row of the rest is called.
REST = "(others)"


def fold_small(rows: Sequence[tuple[str, int]], least: int, more: int = 0) -> list[tuple[str, Cell]]:
    """Return values and how many people have each, with those of fewer than ``least`` people in one row, the last.

    Where even those together are fewer, their number is hidden. If it is a single value that is hidden, the next
    larger one goes along: the whole, less what is shown, would tell its number.

    :param rows: the most frequent first or not; each value once.
    :param more: how many people have values that are not among them, and belong to the rest.
    """
    ordered = sorted(((name, n) for name, n in rows if n > 0), key=lambda row: -row[1])
    shown = [row for row in ordered if row[1] >= least]
    small = ordered[len(shown) :]
    if not small and not more:
        return [*shown]
    if shown and more + sum(n for _, n in small) < least:
        small.append(shown.pop())
    rest = more + sum(n for _, n in small)
    return [*shown, (REST, rest if rest >= least else Hidden.FEW)]
