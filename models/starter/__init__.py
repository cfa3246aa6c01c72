"""The bundled model: a small Llama-architecture decoder that runs in this process on NumPy."""
