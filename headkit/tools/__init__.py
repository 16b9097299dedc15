"""One file per subcommand, one subcommand per file."""
