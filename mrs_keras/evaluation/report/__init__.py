"""The report of an evaluation: one HTML page with its figures, and the interpolations as a table."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["draw_figures"],
        "html": ["png_bytes"],
        "interpolation": ["interpolation_csv"],
        "page": ["failure_page", "report_page"],
    },
)
