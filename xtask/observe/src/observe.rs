//! What is served of what happened: the part of the domain `observe` that needs a web server and SQL. Its pure part, which makes
//! metrics of events, is in `deliver`.

pub(crate) mod portal;
