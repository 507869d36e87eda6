//! Releases to deploy, and the calls that deploy them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nexus_xtask::digest::Digest;
use nexus_xtask_deliver::deploy::contract::{
    Answer, Bundle, Call, Door, Driver, Fence, Lease, Observed, ReleaseId, Trouble,
};

use crate::bed::Bed;
use crate::client;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that goes with its owner.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("contract-{name}-{}-{number}", std::process::id()));
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path.canonicalize().unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }
}

/// A program of this package's `examples/`.
pub(crate) fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.is_file(), "build the examples: cargo build -p nexus-xtask-deliver --examples");
    path
}

/// Starts the example that holds a lock.
pub(crate) fn holder(words: &[&str]) -> Child {
    Command::new(example("holder")).args(words).stdout(Stdio::piped()).spawn().unwrap()
}

/// A host, a lock on it, and releases to put there.
pub(crate) struct World<'a> {
    pub(crate) bed: &'a dyn Bed,
    pub(crate) lease: Option<Box<dyn Lease>>,
    pub(crate) fence: Fence,
    pub(crate) scratch: Scratch,
}

impl<'a> World<'a> {
    /// Takes the lock of a host on which nothing serves and nothing is staged.
    pub(crate) fn begin(bed: &'a dyn Bed) -> World<'a> {
        let lease = bed.driver().lock(&bed.host(), "ann", "d-1").unwrap();
        let world =
            World { bed, fence: lease.fence(), lease: Some(lease), scratch: Scratch::new("releases") };
        world.done(Call::Revert { to: None });
        world.done(Call::Prune { keep: Vec::new() });
        world
    }

    pub(crate) fn driver(&self) -> &dyn Driver {
        self.bed.driver()
    }

    pub(crate) fn call(&self, call: Call) -> Result<Answer, Trouble> {
        self.driver().perform(&self.bed.host(), &call, "d-1", self.fence)
    }

    /// A call that must be carried out; it is made twice, and must be carried out the second time as well.
    #[track_caller]
    pub(crate) fn done(&self, call: Call) {
        for time in ["first", "second"] {
            match self.call(call.clone()) {
                Ok(Answer::Done | Answer::Drained { .. }) => {}
                other => panic!("{} for the {time} time: {other:?}", call.word()),
            }
        }
    }

    /// A call that must not be carried out, and its trouble in words.
    #[track_caller]
    pub(crate) fn trouble(&self, call: Call) -> String {
        match self.call(call) {
            Err(trouble) => trouble.to_string(),
            Ok(answer) => panic!("it was carried out: {answer:?}"),
        }
    }

    pub(crate) fn observe(&self) -> Observed {
        match self.call(Call::Observe).unwrap() {
            Answer::Observed(observed) => *observed,
            other => panic!("{other:?}"),
        }
    }

    /// Packs a release of the example service.
    pub(crate) fn bundle(&self, version: &str, variables: &[(&str, &str)]) -> Bundle {
        let archive = self.scratch.0.join("archive.tar.gz");
        if !archive.exists() {
            let folder = self.scratch.0.join("content");
            std::fs::create_dir_all(folder.join("bin")).unwrap();
            std::fs::copy(example("echo"), folder.join("bin/echo")).unwrap();
            let status = Command::new("tar")
                .args(["-czf", &archive.display().to_string(), "-C", &folder.display().to_string(), "bin"])
                .status();
            assert!(status.unwrap().success());
        }
        let mut configuration: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        configuration.entry("VERSION".to_owned()).or_insert_with(|| version.to_owned());
        let digest = Digest::of(std::fs::read(&archive).unwrap());
        let id = Digest::of(format!("{digest} {configuration:?}")).to_string();
        Bundle {
            id: ReleaseId(format!("{version}-{}", &id[..12])),
            version: version.into(),
            archive,
            digest,
            seal: "seal".into(),
            commit: String::new(),
            program: "bin/echo".into(),
            configuration,
            secrets: Vec::new(),
        }
    }

    #[track_caller]
    pub(crate) fn stage(&self, version: &str) -> ReleaseId {
        let bundle = self.bundle(version, &[]);
        let id = bundle.id.clone();
        self.done(Call::Stage { bundle });
        id
    }

    /// All steps of a deploy up to the switch.
    #[track_caller]
    pub(crate) fn switch(&self, release: &ReleaseId, seconds: u32) {
        let to = self.observe().confirmed;
        self.done(Call::Arm { to, seconds });
        self.done(Call::Start { release: release.clone() });
        self.done(Call::Switch { release: release.clone() });
    }

    /// A whole deploy.
    #[track_caller]
    pub(crate) fn deploy(&self, release: &ReleaseId) {
        self.switch(release, 600);
        self.done(Call::Drain { keep: release.clone(), seconds: 10 });
        self.done(Call::Confirm { release: release.clone() });
    }

    pub(crate) fn probe(&self, door: Door, release: &ReleaseId, path: &str) -> Result<String, String> {
        let reached = self.driver().reach(&self.bed.host(), door, release).map_err(|why| why.to_string())?;
        client::ask(&reached.address(), path)
    }

    /// Waits until the host is as it should be.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, limit: Duration, is_so: impl Fn(&Observed) -> bool) -> Duration {
        let started = Instant::now();
        loop {
            let observed = self.call(Call::Observe);
            if let Ok(Answer::Observed(observed)) = &observed
                && is_so(observed)
            {
                return started.elapsed();
            }
            assert!(started.elapsed() < limit, "not within {limit:?}: {what}; the host is {observed:?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

/// A host in one line each: what serves, what is selected, what is armed.
pub(crate) fn picture(observed: &Observed, names: &[(&ReleaseId, &str)]) -> String {
    let name = |release: &ReleaseId| {
        let found = names.iter().find(|(id, _)| *id == release);
        found.map_or_else(|| release.0.clone(), |(_, name)| (*name).to_owned())
    };
    let or_none = |release: Option<&ReleaseId>| release.map_or_else(|| "none".to_owned(), name);
    let mut running: Vec<_> = observed
        .running
        .iter()
        .map(|one| {
            let door = if one.serving { "serving" } else { "private" };
            format!("{} {door} {}", name(&one.release), one.state)
        })
        .collect();
    running.sort();
    let armed = match &observed.armed {
        Some(armed) => format!("back to {}", or_none(armed.to.as_ref())),
        None => "nothing".into(),
    };
    format!(
        "confirmed {}, trial {}, armed {armed}, running [{}]",
        or_none(observed.confirmed.as_ref()),
        or_none(observed.trial.as_ref()),
        running.join(", ")
    )
}
