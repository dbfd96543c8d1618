"""The same estimators on data whose rows are spread over MPI ranks."""

from __future__ import annotations

from .agreement import assert_replicated
from .design import RowDesign
from .fitting import fit
from .ranks import MpiRanks
from .reading import read_rows
from .tasks import register as _register_backend
from .transforming import transform
from .wide import ColumnDesign

_register_backend()

__all__ = ["ColumnDesign", "MpiRanks", "RowDesign", "assert_replicated", "fit", "read_rows", "transform"]
