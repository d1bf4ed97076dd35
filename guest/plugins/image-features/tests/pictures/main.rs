//! Decoding, scaling and normalising, natively: what Pillow and torchvision give, and what damaged files come to.

mod fuzz;
mod hostile;
mod info;
mod interlaced;
mod models;
mod parity;
mod processors;
mod resize_golden;
mod samples;
mod sweep;
mod windows;
