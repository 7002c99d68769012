"""Loads numpy the way these programs need it; every module here takes `np` from this one."""

import os
import sys

# The matrices are small: a second thread gains little on an idle machine, and on a busy one the threads wait for each
# other so long that training was measured 10 times slower. It must be said before numpy loads; the user's value wins.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")

try:
    import numpy as np
except ModuleNotFoundError:
    print(f"error: numpy is missing; install it with `{sys.executable} -m pip install numpy`", file=sys.stderr)
    sys.exit(2)

__all__ = ["np"]
