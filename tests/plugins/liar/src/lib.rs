//! liar
