//! A lock that is held by a session with the target, and by nothing else.
//!
//! The session lives as long as lines come in: a thread sends one every ten seconds, the target's side ends after
//! thirty without. When this process dies, however it dies, the session's input ends and the lock is free at once; when
//! the way to the target breaks, it is free thirty seconds after the last line. What this side believes does not count:
//! the fence decides.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nexus_xtask::shell::session::Session;

use crate::deploy::contract::{Fence, Lease, Trouble};

use super::answer;

/// How often a sign of life is sent.
const BEAT: Duration = Duration::from_secs(10);

/// A lock that is held.
pub(super) struct Held {
    fence: Fence,
    // Dropped before the session: the thread gives the session's input back, which ends it.
    stop: Option<Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    session: Session,
}

/// Waits until the session says its fence, and keeps it alive from then on.
pub(super) fn hold(mut session: Session, limit: Duration) -> Result<Box<dyn Lease>, Trouble> {
    let Some(line) = session.line(limit) else {
        let why = match session.ended() {
            Some(ended) => format!("the session that holds the lock ended with {ended}"),
            None => format!("the lock was not answered for within {} s", limit.as_secs()),
        };
        return Err(Trouble::Unreachable { why });
    };
    let fence = answer::fence(&line)?;
    let Some(mut speaker) = session.speaker() else {
        return Err(Trouble::Unreachable { why: "the session that holds the lock has no input".into() });
    };
    let (stop, stopped) = channel();
    let thread = std::thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(BEAT) {
            // Nobody reads any more: the session is over, which `lives` says.
            if speaker.say("alive").is_err() {
                break;
            }
        }
    });
    Ok(Box::new(Held { fence, stop: Some(stop), thread: Some(thread), session }))
}

impl Lease for Held {
    fn fence(&self) -> Fence {
        self.fence
    }

    fn lives(&mut self) -> bool {
        self.session.ended().is_none() && self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has dropped the input already, which is all that is wanted.
            thread.join().ok();
        }
    }
}
