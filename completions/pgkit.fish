complete --keep-order --exclusive --command pgkit --arguments "(COMPLETE=fish pgkit -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
