"""One file per revision, named as `tables.REVISIONS` lists them."""
