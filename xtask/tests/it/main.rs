//! placeholder

mod tidy;
