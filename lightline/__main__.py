"""`python -m lightline`: the same as the `lightline` command."""

from lightline.cli import main

main()
