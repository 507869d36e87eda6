//! The host process becomes another binary, and nobody who is connected notices. Unix.
//!
//! The process keeps its id, so its children stay its children. Its sockets go through a pair of sockets whose other
//! end is the standard input of the new program: what was sent waits there, and arrives as values that it owns. What the
//! sockets are for is in the file `instances`, in the same order.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use nexus_xtask::environment::Environment;
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell};

use super::instance::{Instance, State};
use super::{Host, RESUMED, VERB};

/// More sockets than a host ever has: two, and two for each of a few instances.
const SOCKETS_MAX: usize = 64;

/// What the new program must know of an instance, beside its sockets.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    is_serving: bool,
    state: State,
    restarts: u32,
    process: Option<i32>,
    notify_path: PathBuf,
}

/// Never returns when it goes well.
pub(super) fn become_other(host: &Host, binary: &Path) -> anyhow::Error {
    match hand_over(host) {
        Ok(theirs) => {
            let words = [host.base.display().to_string(), host.run.display().to_string()];
            let words = [VERB.to_owned()].into_iter().chain(words).chain([RESUMED.to_owned()]);
            host.shell.replace(&Command::new(binary.display().to_string(), words), Some(theirs))
        }
        Err(error) => error,
    }
}

fn hand_over(host: &Host) -> anyhow::Result<OwnedFd> {
    let now = host.started.elapsed();
    let kept: Vec<_> = host.instances.iter().map(|instance| keep(instance, now)).collect();
    files::write_cache(&host.run.join("instances"), serde_json::to_string(&kept)?)?;
    let mut sockets: Vec<BorrowedFd<'_>> = vec![host.public.as_fd(), host.control.as_fd()];
    for instance in &host.instances {
        sockets.push(instance.notify.as_fd());
        sockets.extend(instance.private.as_ref().map(|private| private.as_fd()));
    }
    let (ours, theirs) = UnixStream::pair()?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    anyhow::ensure!(
        ancillary.push(SendAncillaryMessage::ScmRights(&sockets)),
        "there are more than {SOCKETS_MAX} sockets to hand over"
    );
    sendmsg(&ours, &[IoSlice::new(b"s")], &mut ancillary, SendFlags::empty())
        .context("cannot hand the sockets over")?;
    Ok(theirs.into())
}

fn keep(instance: &Instance, now: std::time::Duration) -> Kept {
    let state = match instance.state {
        // The clock of the host begins again with the new program.
        State::Dead { again } => State::Dead { again: again.saturating_sub(now) },
        state @ (State::Starting | State::Active | State::Stopping { .. }) => state,
    };
    Kept {
        key: instance.key.clone(),
        is_serving: instance.is_serving(),
        state,
        restarts: instance.restarts,
        process: instance.process.map(|process| process.as_raw_nonzero().get()),
        notify_path: instance.notify_path.clone(),
    }
}

/// Takes over from the program that this process was.
pub(super) fn resume(
    shell: Shell,
    environment: &Environment,
    base: &Path,
    run: &Path,
) -> anyhow::Result<Host> {
    let mut sockets = receive()?.into_iter();
    let mut next = || sockets.next().context("a socket was not handed over");
    let (public, control) = (TcpListener::from(next()?), UnixListener::from(next()?));
    let text = files::read_text(&run.join("instances"))?.context("nothing says what ran")?;
    let mut host = Host::of(shell, environment, base, run, public, control);
    for kept in serde_json::from_str::<Vec<Kept>>(&text)? {
        host.instances.push(Instance {
            notify: UnixDatagram::from(next()?),
            private: if kept.is_serving { None } else { Some(UnixListener::from(next()?)) },
            key: kept.key,
            state: kept.state,
            restarts: kept.restarts,
            process: kept.process.and_then(Pid::from_raw),
            notify_path: kept.notify_path,
        });
    }
    Ok(host)
}

fn receive() -> anyhow::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(std::io::stdin(), &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        .context("no sockets were handed over")?;
    let mut sockets = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            sockets.extend(received);
        }
    }
    Ok(sockets)
}
