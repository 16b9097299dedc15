"""The scripts that made the embedded assets; needed to rebuild them, never to run headkit."""
