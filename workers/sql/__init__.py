"""The service's store and the ledger's journal in SQL: one subject per file, joined in `store.py`."""
