//! Interrupts of this process: Ctrl-C, SIGTERM, SIGHUP.
//!
//! Where there are no signals (Windows) the system ends the process at once.

/// Calls `tell` for each interrupt, from a thread of its own, as long as this process lives.
#[cfg(unix)]
pub fn on_interrupt(tell: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || signals.forever().for_each(|_| tell()));
    Ok(())
}

/// Calls `tell` for each interrupt: nothing does here.
#[cfg(not(unix))]
pub fn on_interrupt(_tell: impl Fn() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}
