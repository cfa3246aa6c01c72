"""Figures of matplotlib: a backend whose `show` keeps them as PNG."""

import base64
import contextlib
import importlib.machinery
import io
import sys
from typing import Any

BACKEND = "solvent_backend"
_taken: list[bytes] = []
_DPI = 100


def take(figures: int, figure_bytes: int) -> list[str]:
    """Return the figures since the last call in base64; those too many or too large are left out."""
    found = [base64.b64encode(data).decode() for data in _taken[:figures] if len(data) <= figure_bytes]
    _taken.clear()
    return found


def show(*_: Any, **__: Any) -> None:
    """Keep all open figures and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for number in pyplot.get_fignums():
        data = io.BytesIO()
        pyplot.figure(number).savefig(data, format="png", dpi=_DPI, bbox_inches="tight")
        _taken.append(data.getvalue())
    with contextlib.suppress(Exception):
        pyplot.close("all")


class BackendFinder:
    """Finds the module `solvent_backend` when matplotlib imports its backend; matplotlib is loaded by then."""

    @staticmethod
    def find_spec(name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        """See importlib.abc.MetaPathFinder."""
        loader: Any = BackendFinder()
        return importlib.machinery.ModuleSpec(name, loader) if name == BACKEND else None

    def create_module(self, _: object) -> None:
        """See importlib.abc.Loader."""

    def exec_module(self, module: Any) -> None:
        """See importlib.abc.Loader."""
        from matplotlib.backend_bases import FigureManagerBase
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        module.FigureCanvas = FigureCanvasAgg
        module.FigureManager = FigureManagerBase
        module.show = show
