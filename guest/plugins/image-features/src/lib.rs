//! image-features
