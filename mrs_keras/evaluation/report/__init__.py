"""The report of an evaluation: one HTML page with its figures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "page": ["report_page"],
    },
)
