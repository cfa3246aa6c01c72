"""How the sandbox image is made."""
