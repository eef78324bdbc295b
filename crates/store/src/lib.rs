//! What must survive a restart: keys, workspaces, generations.
