//! A scripted provider for tests, demos and benchmarks. Everything it says is simulated.
