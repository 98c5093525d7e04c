"""The command line: one file a command; options in, exit code out, no numerics. May import everything."""
