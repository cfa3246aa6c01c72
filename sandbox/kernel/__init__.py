"""Sources of the tool's kernel; they run inside the box, never in the service."""
