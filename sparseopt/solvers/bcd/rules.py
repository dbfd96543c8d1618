"""Names of selections and updates, and which go together; a combination that does not is told which would."""

from __future__ import annotations

from ..._validation import check_option
from ...exceptions import IncompatibleError

BLIND = ("cyclic", "perm", "random", "lipschitz")
SMOOTH_RULES = ("gs", "gsl", "gsd", "gsq")
PROX_RULES = ("gs-s", "delta-gs-s", "gs-r", "gs-q", "gsd-q")
SELECTIONS = (*BLIND, *SMOOTH_RULES, *PROX_RULES, "mi")

SMOOTH_UPDATES = ("gradient", "backtrack", "matrix", "newton", "message")
PROX_UPDATES = ("prox-gradient", "prox-newton", "tmp")
UPDATES = (*SMOOTH_UPDATES, *PROX_UPDATES, "exact")

NEEDS_CONSTANTS = ("lipschitz", "gsl", "gsd", "gsq", "gs-r", "gs-q", "gsd-q", "gradient", "matrix", "prox-gradient")
TREE_RULES = ("random", "gs", "gsd")


def choose(selection, update, smooth_penalty: bool, quadratic: bool, bounded: bool):
    """Return the selection and the update, with "auto" replaced by the rule of choice."""
    check_option("selection", selection, ("auto", *SELECTIONS))
    check_option("update", update, ("auto", *UPDATES))
    if selection == "auto":
        selection = ("gsd" if bounded else "gs") if smooth_penalty else ("gsd-q" if bounded else "gs-s")
    if update == "auto":
        update = ("matrix" if quadratic else "newton") if smooth_penalty else "tmp"
    return selection, update


def check(selection, update, variable: bool, block_size, diag, smooth_penalty: bool, bounded: bool) -> None:
    """Raise IncompatibleError, naming what would work, for combinations that make no sense."""
    check_option("diag", diag, ("lipschitz", "sirt"))
    if not smooth_penalty:
        _refuse(
            selection in SMOOTH_RULES, f"selection {selection!r}", "needs a penalty without kinks and bounds",
            (*PROX_RULES, "mi", *BLIND), "selections",
        )  # fmt: skip
        _refuse(
            update in SMOOTH_UPDATES, f"update {update!r}", "needs a penalty without kinks and bounds",
            (*PROX_UPDATES, "exact"), "updates",
        )  # fmt: skip
    if variable:
        _refuse(
            selection == "perm", "selection 'perm'", "permutes fixed blocks",
            ("cyclic", "random"), "selections with partition 'variable'",
        )  # fmt: skip
        _refuse(
            selection == "mi", "selection 'mi'", "would have to try every subset",
            ("gsd", "gsq", "gsd-q"), "selections with partition 'variable'; fixed partitions take 'mi'",
        )  # fmt: skip
        _refuse(
            selection == "gsl" and block_size != 1, "selection 'gsl'", "has no exact solution over variable blocks",
            ("gsd", "gsd with diag='sirt'", "gsq"), "selections with partition 'variable'; fixed partitions take 'gsl'",
        )  # fmt: skip
        _refuse(
            update == "backtrack", "update 'backtrack'", "remembers a constant for each fixed block",
            ("gradient", "matrix", "newton", "exact"), "updates with partition 'variable'",
        )  # fmt: skip
        _refuse(
            update == "message" and selection not in TREE_RULES, f"selection {selection!r}",
            "does not order the variables of a growing tree",
            TREE_RULES, "selections with partition 'variable' and update 'message'; partition 'forest' takes all",
        )  # fmt: skip
    _refuse(
        diag == "sirt" and selection not in ("gsd", "gsd-q"), "diag='sirt'", f"is not read by selection {selection!r}",
        ("gsd", "gsd-q"), "selections",
    )  # fmt: skip
    if not bounded:
        _refuse(
            selection in NEEDS_CONSTANTS, f"selection {selection!r}", "needs Lipschitz constants, the loss has none",
            ("gs", "gs-s", "cyclic", "perm", "random", "mi"), "selections",
        )  # fmt: skip
        _refuse(
            update in NEEDS_CONSTANTS, f"update {update!r}", "needs Lipschitz constants, the loss has none",
            ("backtrack", "newton", "prox-newton", "tmp", "exact"), "updates",
        )  # fmt: skip


def _refuse(when: bool, what: str, why: str, instead, kind: str) -> None:
    if when:
        raise IncompatibleError(f"{what} {why}; usable here: {', '.join(instead)} ({kind})")
