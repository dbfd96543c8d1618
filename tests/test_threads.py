"""Numbers of threads, and holding BLAS at one."""

import os
import signal
import threading

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

import sparseopt as so
from sparseopt._threads import resolve_n_threads, serial_blas


def blas_threads():
    return [entry["num_threads"] for entry in ThreadpoolController().select(user_api="blas").info()]


@pytest.fixture
def two_threads():
    """Numbers of threads to come back to: two, but for a BLAS (as another package may have loaded) that cannot."""
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        numbers = blas_threads()
        if 2 not in numbers:
            pytest.skip("this BLAS has no second thread")
        yield numbers


def test_blas_has_one_thread_inside_and_its_own_number_again_outside(two_threads):
    with serial_blas():
        assert set(blas_threads()) == {1}
        with serial_blas():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}, "the inner caller must not lift what the outer one set"
    assert blas_threads() == two_threads
    with pytest.raises(KeyError), serial_blas():
        raise KeyError
    assert blas_threads() == two_threads


def test_the_last_of_several_threads_lifts_the_limit(two_threads):
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with serial_blas():
            inside.set()
            leave.wait(30)

    other = threading.Thread(target=hold)
    with serial_blas():
        other.start()
        inside.wait(30)
    assert set(blas_threads()) == {1}
    leave.set()
    other.join()
    assert blas_threads() == two_threads


def test_threads_come_from_the_parameter_the_environment_or_the_machine(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3,1")
    assert resolve_n_threads() == resolve_n_threads(-1) == 3 and resolve_n_threads(2) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert resolve_n_threads() >= 1
    assert resolve_n_threads(10**6) <= 10**4
    seen = []
    worker = threading.Thread(target=lambda: seen.extend([resolve_n_threads(), resolve_n_threads(2)]))
    worker.start()
    worker.join()
    assert seen == [1, 2]
    for wrong, error in ((0, ValueError), (-2, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="n_threads"):
            resolve_n_threads(wrong)


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="there is no fork here")
def test_a_fork_of_a_process_that_used_threads_can_fit():
    X = np.random.default_rng(0).standard_normal((400, 800))
    model = so.Lasso(0.1, n_threads=2).fit(X, X[:, 0])
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends the child if it waits for threads that it does not have
        same = np.array_equal(so.Lasso(0.1, n_threads=2).fit(X, X[:, 0]).coef_, model.coef_)
        os._exit(0 if same and resolve_n_threads(2) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
