# Completion of pgkit in fish, which quotes what it inserts.
complete --keep-order --exclusive --command pgkit --arguments "(COMPLETE=fish pgkit -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor) 2>/dev/null)"
