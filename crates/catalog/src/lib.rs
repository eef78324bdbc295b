//! Who serves what at what price, and in which order to ask.
