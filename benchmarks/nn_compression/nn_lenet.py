"""LeNet-300-100 on MNIST: trained, then made sparse by training on, with equal budgets for all methods."""

import time

import numpy as np

EPOCHS, DENSE_EPOCHS, ROUNDS, SAMPLES = 8.0, 8, 16, 2_500
# who takes no gradients of single samples trains longer by as many passes
MAGNITUDE = dict(method="magnitude", epochs=EPOCHS + ROUNDS * SAMPLES / 60_000)
TURBO = dict(method="turbo_vbi")
# name -> ratio, options of train_sparse
VARIANTS = {
    "turbo_vbi, 60x": (60, TURBO),
    "magnitude, 60x": (60, MAGNITUDE),
    "turbo_vbi cluster, 16x": (16, dict(TURBO, pattern="cluster", temperature=0.05)),
    "magnitude, 16x": (16, MAGNITUDE),
    "magnitude at once, 60x": (60, dict(MAGNITUDE, rounds=1)),
    # so many weights less, and the matrices take 60 times fewer bytes than dense ones: most values need an index
    "turbo_vbi, 113x": (113, TURBO),
    "magnitude, 113x": (113, MAGNITUDE),
    "magnitude at once, 113x": (113, dict(MAGNITUDE, rounds=1)),
    "turbo_vbi, 20x": (20, TURBO),
    "magnitude, 20x": (20, MAGNITUDE),
    "turbo_vbi, 150x": (150, TURBO),
    "magnitude, 150x": (150, MAGNITUDE),
    "magnitude at once, 150x": (150, dict(MAGNITUDE, rounds=1)),
    "turbo_vbi, 400x": (400, TURBO),
    "magnitude, 400x": (400, MAGNITUDE),
    "magnitude at once, 400x": (400, dict(MAGNITUDE, rounds=1)),
}
MAIN = tuple(VARIANTS)[:8]  # for all seeds


class Lenet:
    """The data, and a dense network trained with one seed."""

    def __init__(self, folder, seed, n=None, epochs=DENSE_EPOCHS):
        import torch

        from sparseopt.bridge import FineTune, as_network

        data = np.load(folder / "mnist.npz")
        self.X, self.X_test = (
            torch.from_numpy((data[name].astype(np.float32) / 255.0 - 0.1307) / 0.3081) for name in ("X", "Xt")
        )
        self.y, self.y_test, self.seed = torch.from_numpy(data["y"].astype(np.int64)), data["yt"], seed
        self.X, self.y = self.X[:n], self.y[:n]
        nn = torch.nn
        torch.manual_seed(seed)
        layers = nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
        self.network = as_network(nn.Sequential(*layers))
        if epochs:
            tune = FineTune(self.X, self.y, epochs=epochs, lr=1e-3, random_state=seed, n_threads=1)
            tune(self.network, {})

    def accuracy(self, network):
        """Return the percentage of test images that a network names."""
        return 100.0 * float(np.mean(network.outputs(self.X_test).argmax(axis=1) == self.y_test))

    def row(self, name):
        """Train one variant, and return what came out."""
        from sparseopt.bridge import train_sparse
        from sparseopt.bridge.report import count_clusters
        from sparseopt.bridge.storage import stored_bytes

        ratio, options = VARIANTS[name]
        options = {"epochs": EPOCHS, "rounds": ROUNDS, "n_fisher": SAMPLES, "lr": 2e-3, **options}
        total = sum(layer.size for layer in self.network.layers())
        start = time.perf_counter()
        found = train_sparse(
            self.network, self.X, self.y, budget=total // ratio, random_state=self.seed, n_threads=1, **options
        )
        masks = list(found.masks.values())
        return dict(
            kind="lenet", problem=f"LeNet-300-100, MNIST, {ratio} times smaller", network="LeNet-300-100, MNIST",
            solver="sparseopt" if options["method"] == "turbo_vbi" else name.partition(",")[0], variant=name,
            seed=self.seed, ratio=ratio, kept=int(sum(mask.sum() for mask in masks)),
            accuracy_trained=self.accuracy(found.network), clusters=sum(count_clusters(mask) for mask in masks),
            clusters_image=count_clusters(masks[0], (28, 28)), kept_first=int(masks[0].sum()),
            units=[int(mask.any(axis=1).sum()) for mask in masks], seconds=time.perf_counter() - start,
            bytes=sum(stored_bytes(layer.weight) for layer in found.network.layers()),
        )  # fmt: skip

    def dense_row(self):
        """Return the dense network's row."""
        from sparseopt.bridge.storage import stored_bytes

        return dict(
            kind="lenet", problem="LeNet-300-100, MNIST, dense", network="LeNet-300-100, MNIST", solver="dense",
            variant="dense", seed=self.seed, ratio=1, accuracy_trained=self.accuracy(self.network),
            kept=sum(layer.size for layer in self.network.layers()),
            bytes=sum(stored_bytes(layer.weight) for layer in self.network.layers()),
        )  # fmt: skip
