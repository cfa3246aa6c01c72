"""What the sandbox promises, tried out on the user's own machine (`solvent sandbox check`)."""
