"""The facts of a fit, for people."""

from __future__ import annotations

from .failures import one_line

_NAME_WIDTH = 32


def for_people(facts: dict) -> str:
    """A compact table of text."""
    lines = [f"{label:<13}{text}" for label, text in _rows(facts)]
    return "\n".join(lines + _coefficients(facts["largest_coefficients"], facts["n_nonzero"]))


def _rows(facts: dict):
    data, proof, seconds = facts["data"], facts["certificate"], facts["seconds"]
    kind = f"sparse, {data['density']:.3g} of the entries stored" if data["sparse"] else "dense"
    yield (
        "data",
        f"{one_line(data['path'])}: {data['n_samples']} x {data['n_features']}, {kind}, "
        f"{data['dtype']}",
    )
    yield "estimator", f"{facts['estimator']}({_arguments(facts['parameters'])})"
    if "cross_validation" in facts:
        yield "folds", _facts_line(facts["cross_validation"])
    if "objective" in proof:
        yield "objective", f"{proof['objective']:.10g}"
    yield "certificate", _proof_line(proof)
    yield "non-zeros", f"{facts['n_nonzero']} of {facts['n_coefficients']} coefficients"
    work = [f"{seconds['fit']:.3g} s to fit", f"{seconds['read']:.3g} s to read the data"]
    if "n_passes" in proof:
        work.append(f"{proof['n_passes']:.4g} passes over X")
    yield "work", ", ".join(work)
    if "ranks" in facts:
        yield "ranks", str(facts["ranks"])
    if "checkpoint" in facts:
        kept = facts["checkpoint"]
        yield "checkpoint", f"{kept['restored']} alphas read, {kept['solved']} solved"
    if "test" in facts:
        yield "held-back", _facts_line(facts["test"])
    if "out" in facts:
        yield "written", one_line(facts["out"])


def _arguments(parameters: dict) -> str:
    shown = {k: v for k, v in parameters.items() if v is not None and k != "verbose"}
    text = ", ".join(f"{name}={value!r}" for name, value in shown.items())
    return one_line(text if len(text) <= 400 else text[:400] + "...")


def _proof_line(proof: dict) -> str:
    state = "converged" if proof["converged"] else "NOT CONVERGED"
    parts = [state]
    if "gap" in proof:
        relative = proof.get("relative_gap")
        share = "" if relative is None else f", {relative:.3g} of the objective at zero"
        parts.append(f"duality gap {proof['gap']:.3g}{share}")
    elif "violation" in proof:
        parts.append(f"optimality violated by {proof['violation']:.3g}")
    if "tol" in proof:
        tol = proof["tol"] if isinstance(proof["tol"], str) else f"{proof['tol']:.3g}"
        # A violation has units of its own, and may be another quantity than the one that tol stops.
        parts.append(f"asked for {tol}" if "gap" in proof else f"tol {tol}")
    return "; ".join(parts)


def _facts_line(facts: dict) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.6g}"
        for name, value in facts.items()
        if value is not None
    )


def _name(feature: str | int) -> str:
    name = one_line(feature) if isinstance(feature, str) else f"feature {feature}"
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 3] + "..."


def _coefficients(largest: list[dict], n_nonzero: int) -> list[str]:
    if not largest:
        return ["", "all coefficients are zero"]
    names = [_name(item["feature"]) for item in largest]
    width = max(map(len, names))
    lines = ["", "largest coefficients" if n_nonzero > len(largest) else "coefficients"]
    for name, item in zip(names, largest, strict=True):
        values = item["coef"] if hasattr(item["coef"], "__len__") else [item["coef"]]
        lines.append(f"  {name:<{width}}  " + "  ".join(f"{value: .6g}" for value in values))
    return lines
