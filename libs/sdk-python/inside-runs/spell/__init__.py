"""Stands for the package in the search path of a run, and gives way to any other ``spell`` there.

What PYTHONPATH names comes before all that a run installs, so the package itself cannot lie there: it would hide a
``spell`` of the run's own. This module takes the place of the ``spell`` that would be imported if it were not here, and
of the package beside it only where there is none. It becomes that module, instead of putting another into
``sys.modules``, so that threads that import at the same time wait as for any other module.
"""


def _become_the_real_one() -> None:
    import os
    import sys
    from importlib.machinery import PathFinder

    module = sys.modules[__name__]
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    elsewhere = [entry for entry in sys.path if os.path.abspath(entry) != here]
    found = None
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is not None:
            spec = find_spec(__name__, elsewhere if finder is PathFinder else None)
            # Folders that merely have the name have no origin.
            if spec is not None and spec.origin is not None:
                found = spec
                break
    else:
        found = PathFinder.find_spec(__name__, [os.path.dirname(here)])
    module.__file__ = found.origin
    module.__loader__ = found.loader
    module.__cached__ = found.cached
    if found.submodule_search_locations is None:
        del module.__path__
        module.__package__ = ""
    else:
        module.__path__ = found.submodule_search_locations
    found.loader.exec_module(module)
    module.__spec__ = found


# Without leaving its own name behind.
globals().pop("_become_the_real_one")()
