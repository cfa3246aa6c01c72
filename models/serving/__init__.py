"""The bundled model behind OpenAI's HTTP interface. Needs the extra `serve`: starlette and uvicorn."""
