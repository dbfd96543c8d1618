"""Fit a mapped file larger than the memory this process may have: run as a script by the memory test."""

import resource
import sys

import numpy as np

import sparseopt as so


def main(x_path, y_path, limit):
    small = np.random.default_rng(0).standard_normal((3000, 20))
    so.SketchedRegressor(solver="heavy_ball", m=256).fit(small, small[:, 0] + 1.0)  # imports are not the fit's
    with open("/proc/self/status") as status:
        used = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (used + limit, used + limit))
    X, y = np.load(x_path, mmap_mode="r"), np.load(y_path)
    try:
        np.array(X)
        print("the limit does not bite")
        return
    except MemoryError:
        pass
    model = so.SketchedRegressor(solver="heavy_ball", random_state=0, n_threads=1).fit(X, y)
    print(bool(np.all(model.coef_error_bound_ <= 0.05 * model.stderr_)), model.n_iter_, *model.coef_)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
