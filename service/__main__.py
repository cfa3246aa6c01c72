"""`python -m solvent.service` is the same as `solvent`."""

from solvent.service.cli.main import main

main()
