"""Migrations of the service's database (Alembic); `sql/schema.py` runs them."""
