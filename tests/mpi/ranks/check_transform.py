"""Codes of users on several ranks against those of one call."""

import numpy as np
import pytest
from scipy import sparse

import sparseopt as so
from sparseopt.exceptions import IncompatibleError, InvalidProblemError, RankMismatchError

N_USERS = 7


def problem(is_complex=False):
    rng = np.random.default_rng(0)
    H = [rng.standard_normal((5, 8)), rng.standard_normal((6, 8))]
    if is_complex:
        H[0] = H[0] + 1j * rng.standard_normal((5, 8))
    X = np.zeros((N_USERS, 8, 8))
    for i in range(N_USERS):
        X[i][np.ix_(rng.permutation(8)[:3], rng.permutation(8)[:3])] = rng.standard_normal((3, 3))
    Y = np.einsum("ij,njk,lk->nil", H[0], X, H[1]).reshape(N_USERS, -1)
    return H, Y + 0.05 * rng.standard_normal(Y.shape)


def shard(comm):
    ends = [0, *{1: [7], 2: [5, 7], 3: [1, 2, 7], 4: [3, 3, 5, 7]}[comm.size]]
    return slice(ends[comm.rank], ends[comm.rank + 1])


@pytest.mark.parametrize("options", [
    dict(), dict(sparse_output=True), dict(n_init=3, random_state=5), dict(solver="svd"),
    dict(n_init=2, random_state=np.random.RandomState(3)),
], ids=["plain", "sparse", "starts", "svd", "generator"])  # fmt: skip
@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
def test_codes_are_those_of_one_call(comm, options, is_complex):
    H, Y = problem(is_complex)
    coder = so.KroneckerSBLCoder(H, **options)
    here = so.mpi.transform(coder, Y[shard(comm)], comm)
    everything = so.mpi.transform(coder, Y[shard(comm)], comm, gather=True)
    assert sparse.issparse(here) == sparse.issparse(everything) == bool(options.get("sparse_output"))
    whole = so.KroneckerSBLCoder(H, **options).fit_transform(Y)
    here, everything, whole = (np.asarray(c.todense()) if sparse.issparse(c) else c for c in (here, everything, whole))
    assert len(set(comm.allgather(everything.tobytes()))) == 1
    np.testing.assert_array_equal(everything[shard(comm)], here)
    np.testing.assert_allclose(everything, whole, rtol=1e-9, atol=1e-9 * np.abs(whole).max())


def test_starts_without_a_seed_are_the_same_on_all_ranks(comm):
    H, Y = problem()
    coder = so.KroneckerSBLCoder(H, n_init=2)  # every rank gets the same user: so it must find the same code
    codes = comm.allgather(so.mpi.transform(coder, Y[:1], comm).tobytes())
    assert len(set(codes)) == 1


def test_files_are_read_by_parts(comm, tmp_path):
    H, Y = problem()
    path = comm.bcast(str(tmp_path / "users.npy"))
    if comm.rank == 0:
        np.save(path, Y)
    comm.Barrier()
    codes = so.mpi.transform(so.KroneckerSBLCoder(H), path, comm, gather=True)
    whole = so.KroneckerSBLCoder(H).fit_transform(Y)
    np.testing.assert_allclose(codes, whole, rtol=1e-9, atol=1e-9 * np.abs(whole).max())


def test_what_cannot_be_done(comm):
    H, Y = problem()
    with pytest.raises(IncompatibleError, match="KroneckerSBLCoder"):
        so.mpi.transform(so.SpectralPeeling(), Y, comm)
    with pytest.raises(InvalidProblemError, match="no rank holds any rows"):
        so.mpi.transform(so.KroneckerSBLCoder(H), Y[:0], comm)
    if comm.size == 1:
        return
    last = comm.rank == comm.size - 1
    with pytest.raises(RankMismatchError, match="tol"):
        so.mpi.transform(so.KroneckerSBLCoder(H, tol=1e-3 if last else 1e-4), Y, comm)
    bad = np.where(last & (np.arange(Y.size) == 3).reshape(Y.shape), np.nan, Y)
    with pytest.raises(InvalidProblemError, match=f"rank {comm.size - 1} of {comm.size}: .*NaN"):
        so.mpi.transform(so.KroneckerSBLCoder(H), bad, comm)
