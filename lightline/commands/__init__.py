"""The commands of the front door, one file each; lightline/cli.py puts them together."""
