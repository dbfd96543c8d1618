"""The joblib backend "mpi": tasks on the ranks of a cluster."""

from __future__ import annotations

from joblib import register_parallel_backend
from joblib.parallel import ParallelBackendBase, SequentialBackend

from .ranks import load_mpi

HOW = "start the script with  mpiexec -n N python -m mpi4py.futures SCRIPT  and it has N - 1 workers"


class MpiBackend(ParallelBackendBase):
    """Run the tasks of joblib on MPI ranks, through mpi4py.futures.

    The first rank runs the script, the others wait for tasks. Inside a task nothing is parallel but threads that it
    asks for itself.
    """

    supports_retrieve_callback = True
    supports_timeout = True
    uses_threads = False
    supports_sharedmem = False

    def effective_n_jobs(self, n_jobs):
        """Return how many tasks run at a time."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 has no meaning")
        workers = load_mpi().COMM_WORLD.Get_size() - 1
        if n_jobs is None or n_jobs < 0:
            if workers < 1:
                raise RuntimeError(f"backend 'mpi' with n_jobs={n_jobs} has no workers: {HOW}")
            return workers
        return min(n_jobs, workers) if workers else n_jobs

    def configure(self, n_jobs=1, parallel=None, **options):
        """Start (or find) the workers."""
        from mpi4py.futures import MPIPoolExecutor

        self.parallel = parallel
        n_jobs = self.effective_n_jobs(n_jobs)
        self.pool = MPIPoolExecutor(max_workers=n_jobs)
        return n_jobs

    def submit(self, func, callback=None):
        """Start a batch of tasks."""
        future = self.pool.submit(_call, func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    apply_async = submit  # its name before joblib 1.5

    def retrieve_result_callback(self, out):
        """Return what a batch returned, or raise what it raised."""
        return out.result()

    def terminate(self):
        """Let the workers go."""
        self.pool.shutdown(wait=True, cancel_futures=True)

    def abort_everything(self, ensure_ready=True):
        """Drop what has not started."""
        self.terminate()
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)

    def get_nested_backend(self):
        """Tasks do not start tasks of their own."""
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None


def _call(batch):
    return batch()


def register() -> None:
    """Let ``joblib.parallel_config(backend="mpi")`` find the backend."""
    register_parallel_backend("mpi", MpiBackend)
