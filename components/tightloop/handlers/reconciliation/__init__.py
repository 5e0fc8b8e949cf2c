"""Reconciliation: is what the venues hold what is expected?"""

from tightloop.handlers.reconciliation.compare import compare, flat, tolerance_by
from tightloop.handlers.reconciliation.handler import Reconciliation
from tightloop.handlers.reconciliation.settings import ReconciliationSettings, Tolerances

__all__ = ["Reconciliation", "ReconciliationSettings", "Tolerances", "compare", "flat", "tolerance_by"]
