"""Reconciliation: is what the venues hold what is expected?"""
