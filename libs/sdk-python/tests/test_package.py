"""The package as such: light, typed, and in need of nothing else."""

import subprocess
import sys
from pathlib import Path

import spell
import spell.client

PACKAGE_ROOT = Path(__file__).parent.parent


def in_bare_python(code: str) -> str:
    """Run code in an interpreter that sees the standard library and this package only."""
    setup = f"import sys; sys.path.insert(0, {str(PACKAGE_ROOT)!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", setup + code],
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_needs_nothing_but_the_standard_library() -> None:
    out = in_bare_python(
        "import os, spell.client, spell.metrics, spell.api.models\n"
        "files = [getattr(module, '__file__', None) or '' for module in sys.modules.values()]\n"
        "print([f for f in files if f and not f.startswith((os.path.dirname(os.__file__), sys.path[0]))])\n"
        "print([f for f in files if '-packages' in f])\n"
    )
    assert out == "[]\n[]\n"


def test_import_is_quick() -> None:
    code = "import time; t = time.process_time(); import spell.client; print(time.process_time() - t)"
    # About 0.025 s; the bound leaves room for slow machines.
    assert min(float(in_bare_python(code)) for _ in range(5)) < 0.12


def test_what_takes_long_is_loaded_when_it_is_used() -> None:
    out = in_bare_python("import spell; print('json' in sys.modules, spell.__version__)")
    assert out == f"False {spell.__version__}\n"
    slow = ["http.client", "ssl", "email", "tarfile", "shutil", "uuid", "random"]
    out = in_bare_python(f"import spell.client, spell.metrics; print([name for name in {slow} if name in sys.modules])")
    assert out == "[]\n"


def test_typed() -> None:
    assert (PACKAGE_ROOT / "spell" / "py.typed").exists()


def test_the_client_is_where_the_former_package_had_it() -> None:
    from spell.client import base

    assert base.SpellClient is spell.client.SpellClient
    assert base.from_environment is spell.client.from_environment
