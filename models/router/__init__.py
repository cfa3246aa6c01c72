"""One model behind several endpoints: who gets a request, who gets none for now, and what is done about a loss."""
