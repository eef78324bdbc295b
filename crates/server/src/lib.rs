//! Doors and desks: HTTP, configuration, command line.
