"""Numbers of threads, and holding BLAS at one."""

import threading

import pytest
from threadpoolctl import ThreadpoolController

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
