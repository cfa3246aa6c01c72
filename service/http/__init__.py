"""The HTTP door: jobs, batches, results and events over HTTP. Decides nothing; everything is in the database."""
