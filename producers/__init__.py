"""Where facts come in: the intake over HTTP, tables from the command line, dead letters played again."""
