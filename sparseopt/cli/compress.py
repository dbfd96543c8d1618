"""`sparseopt compress`: a smaller network from a trained one and a few hundred samples."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import click
import numpy as np

from . import notices, options
from .failures import WrongUse
from .json_text import to_json
from .output import check_output, written_whole

MODELS = (".onnx", ".safetensors", ".npz")
LAYER = "WEIGHT[,BIAS[,ACTIVATION]]"


@click.command(short_help="Compress a trained network.")
@click.argument("model_path", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--calibration", "calibration_path", metavar="FILE", required=True, type=click.Path(path_type=Path),
              help="Samples like those the network will see: .npy, or .npz with --key.")
@click.option("--key", metavar="NAME", help="The array of an .npz calibration file. Default: X.")
@click.option("--layer", "layers", metavar=LAYER, multiple=True,
              help="A layer of a .safetensors or .npz MODEL, by the names of its arrays; repeat in order. "
              "Activations: relu, tanh, ... An empty BIAS for none.")
@click.option("--method", default="admm", show_default=True, metavar="NAME", help="See so.bridge.compress.")
@click.option("--sparsity", type=float, metavar="SHARE", help="Share of the weights that goes. Default: 0.5.")
@click.option("--budget", type=int, metavar="N", help="Number of weights that stay, instead.")
@click.option("--error", type=float, metavar="E", help="Relative error allowed in each layer, instead.")
@click.option("--pattern", default="unstructured", show_default=True, metavar="NAME",
              help="unstructured, row, N:M, block, neuron, cluster.")
@click.option("--allocate", default="relerr", show_default=True, metavar="RULE", help="How layers share the weights.")
@click.option("--only", multiple=True, metavar="NAME",
              help="Compress these layers; patterns such as enc.*; repeatable.")
@click.option("--exclude", multiple=True, metavar="NAME", help="Leave these layers; repeatable.")
@click.option("--sequential", is_flag=True, help="Let every layer see what the compressed ones before it produce.")
@click.option("--max-iter", type=int, metavar="N", help="Of iterative methods.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=int, metavar="N", help="Threads. Default: OMP_NUM_THREADS, or the cores.")
@click.option("--checkpoint", metavar="DIR", type=click.Path(path_type=Path),
              help="Keep finished layers there; the same command continues after a stop.")
@click.option("--out", metavar="FILE", required=True, type=click.Path(path_type=Path),
              help="Write .safetensors, as small as it gets, or .onnx for an ONNX model.")
@click.option("--picture", metavar="FILE", type=click.Path(path_type=Path), help="Draw the report, as .png or .svg.")
@options.as_json
@options.debug
def compress(model_path, calibration_path, key, layers, method, sparsity, budget, error, pattern, allocate, only,
             exclude, sequential, max_iter, seed, threads, checkpoint, out, picture, as_json):  # fmt: skip
    """Compress MODEL layer by layer, without training, and say what every layer lost.

    MODEL is an .onnx file, or arrays in a .safetensors or .npz file with --layer for each layer of a
    feed-forward network. Torch models are compressed from Python: so.bridge.compress.
    """
    kind = model_path.suffix.lower()
    if kind not in MODELS:
        raise WrongUse(f"{model_path}: a model must be one of {', '.join(MODELS)}; pickled models can run code")
    for path in (model_path, calibration_path):
        if not path.is_file():
            raise WrongUse(f"{path}: no such file")
    check_output(out, (".safetensors", ".onnx") if kind == ".onnx" else (".safetensors",),
                 inputs=(model_path, calibration_path))  # fmt: skip
    if picture is not None:
        check_output(picture, (".png", ".svg"))
    if kind == ".onnx" and layers:
        raise WrongUse("--layer goes with .safetensors and .npz, an ONNX file knows its layers")
    if kind != ".onnx" and not layers:
        raise WrongUse(f"{model_path} holds arrays only: give --layer {LAYER} for every layer, in order")
    from .. import bridge

    chain = [_layer(text) for text in layers]
    model = model_path
    if kind == ".safetensors":
        model = bridge.as_network(model_path, layers=chain)
    elif kind == ".npz":
        model = _from_arrays(_arrays(model_path), chain)
    samples = _calibration(calibration_path, key)
    watched = sys.stderr is not None and sys.stderr.isatty() and not as_json
    with notices.collected():
        result = bridge.compress(
            model, samples, method=method, sparsity=sparsity, budget=budget, error=error, pattern=pattern,
            allocate=allocate, layers=list(only) or None, exclude=exclude, sequential=sequential, max_iter=max_iter,
            random_state=seed, n_threads=threads, checkpoint=checkpoint, verbose=int(watched),
        )  # fmt: skip
    if out.suffix.lower() == ".onnx":
        with written_whole(out) as file:
            file.write(result.model.SerializeToString())
        size = out.stat().st_size
    else:
        size = bridge.save(out, result)
    if picture is not None:
        result.report.picture(picture)
    if as_json:
        click.echo(to_json({**result.report.to_dict(), "out": str(out), "bytes": size}))
    else:
        click.echo(result.report.table())
        click.echo(f"\n{out}: {size:,} bytes ({model_path}: {model_path.stat().st_size:,})")


def _layer(text: str) -> tuple[str, str | None, str | None]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 3 or not parts[0]:
        raise WrongUse(f"--layer must be {LAYER}, got {text!r}")
    parts += [""] * (3 - len(parts))
    return parts[0], parts[1] or None, parts[2] or None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise WrongUse(f"{path}: no readable .npz file of arrays ({error})") from error


def _from_arrays(arrays, chain) -> list:
    """Return the layers as the bridge takes them."""
    for name in (name for weight, bias, _ in chain for name in (weight, bias)):
        if name is not None and name not in arrays:
            raise WrongUse(f"there is no array {name!r} in the model; it holds {', '.join(arrays)}")
    return [(arrays[weight], None if bias is None else arrays[bias], activation) for weight, bias, activation in chain]


def _calibration(path: Path, key: str | None) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        try:
            samples = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            reason = "pickled objects are refused" if "allow_pickle" in str(error) else error
            raise WrongUse(f"{path}: no readable .npy file ({reason})") from error
    elif path.suffix.lower() == ".npz":
        arrays, name = _arrays(path), key or "X"
        if name not in arrays:
            raise WrongUse(f"{path} has no array {name!r}; --key names one of {', '.join(arrays)}")
        samples = arrays[name]
    else:
        raise WrongUse(f"{path}: calibration samples come from .npy or .npz")
    if samples.dtype.kind not in "fiub" or samples.ndim < 2 or not len(samples):
        raise WrongUse(f"{path}: calibration needs an array of samples, got {samples.dtype} with shape {samples.shape}")
    return samples
