"""The report of an evaluation: one HTML page with its figures, and the interpolations as a table."""

from mrs_keras.evaluation.report.figures import draw_figures
from mrs_keras.evaluation.report.html import png_bytes
from mrs_keras.evaluation.report.interpolation import interpolation_csv
from mrs_keras.evaluation.report.page import failure_page, report_page

__all__ = ["draw_figures", "failure_page", "interpolation_csv", "png_bytes", "report_page"]
