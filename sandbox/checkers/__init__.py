"""Programs that run in a box beside a problem's checker. They are read as texts, never imported by the service."""
