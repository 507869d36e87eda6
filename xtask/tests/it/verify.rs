//! `release verify`: a published release that was changed afterwards is found out, one change at a time.

use serde_json::json;

use crate::publish::GATES;
use crate::sandbox::Sandbox;
use crate::stage::{PUBLIC_KEY, SECRET_KEY, TAG, assets, staged};
use crate::world::World;

/// A forge that lets releases be changed: otherwise nothing of this could happen.
const DECLARED: &str = "[forge]\nimmutable = false\n\n[signing]\npublic_key = \"release/key.pub\"\n";

/// A release that is published, and verified as it is.
struct Published {
    sandbox: Sandbox,
    world: World,
}

impl Published {
    fn new() -> Published {
        let files = [GATES, ("release/key.pub", PUBLIC_KEY)];
        let mut sandbox = staged(DECLARED, &files, &[("MINISIGN_SECRET_KEY", SECRET_KEY)]);
        let world = World::serve(json!({ "repository": "ann/tool", "immutable": false }));
        world.reach(&mut sandbox);
        let done = sandbox.xtask(&["release", "publish", "--execute"]);
        assert_eq!(done.code, 0, "{}", done.transcript());
        sandbox.git(&["tag", TAG]);
        Published { sandbox, world }
    }

    fn original(&self, name: &str) -> Vec<u8> {
        std::fs::read(assets(&self.sandbox).join(name)).unwrap()
    }

    /// The name of the archive for this machine.
    fn archive(&self) -> String {
        let names = std::fs::read_dir(assets(&self.sandbox)).unwrap();
        let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_it = |name: &String| name.ends_with(".tar.gz") && !name.contains("symbols");
        names.find(is_it).unwrap()
    }

    #[track_caller]
    fn holds(&self) {
        let done = self.sandbox.xtask(&["release", "verify", "0.2.0"]);
        assert_eq!(done.code, 0, "{}", done.transcript());
        assert_eq!(done.stdout.lines().count(), 8, "{}", done.transcript());
    }

    /// Is not what the tag says, for this reason.
    #[track_caller]
    fn fails(&self, why: &str) {
        let done = self.sandbox.xtask(&["release", "verify", "0.2.0"]);
        assert_eq!(done.code, 1, "{}", done.transcript());
        assert!(done.stderr.contains(why), "no `{why}` in {}", done.transcript());
    }

    /// Fails while a file is this, and nothing else.
    #[track_caller]
    fn fails_with(&self, name: &str, bytes: Option<&[u8]>, why: &str) {
        self.world.asset(name, bytes);
        self.fails(why);
        let is_ours = assets(&self.sandbox).join(name).is_file();
        self.world.asset(name, is_ours.then(|| self.original(name)).as_deref());
    }
}

#[test]
fn a_release_that_was_changed_afterwards_is_found_out() {
    let published = Published::new();
    published.holds();
    let archive = published.archive();
    let bytes = published.original(&archive);
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let differs = format!("`{archive}` is DIGEST, and `SHA256SUMS` says DIGEST");
    published.fails_with(&archive, Some(&changed), &differs);
    published.fails_with(&archive, Some(b"another program"), &differs);
    published.fails_with(&archive, None, &format!("`{archive}` is in `SHA256SUMS` and not in the release"));
    published.fails_with("more.txt", Some(b"more"), "`more.txt` is in the release and not in `SHA256SUMS`");

    let list = String::from_utf8(published.original("SHA256SUMS")).unwrap();
    let wrong = if list.starts_with('0') { list.replacen('0', "1", 1) } else { format!("0{}", &list[1..]) };
    published.fails_with("SHA256SUMS", Some(wrong.as_bytes()), "and `SHA256SUMS` says DIGEST");
    published.fails_with("SHA256SUMS", None, "there is no `SHA256SUMS`");

    // A rehearsal signs the same list by a key that is thrown away.
    let foreign = published.sandbox.path("../foreign");
    let words = ["release", "stage", "--rehearsal", "--output", foreign.to_str().unwrap()];
    let done = published.sandbox.xtask(&words);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let foreign = |name: &str| std::fs::read(foreign.join("assets").join(TAG).join(name)).unwrap();
    assert_eq!(foreign("SHA256SUMS"), list.as_bytes());
    let why = "`SHA256SUMS.minisig` does not verify by the key of the tag";
    published.fails_with("SHA256SUMS.minisig", Some(&foreign("SHA256SUMS.minisig")), why);

    let commit = published.sandbox.git(&["rev-parse", "HEAD"]);
    published.world.tag(TAG, &"f".repeat(40));
    published.fails("leads to DIGEST at the forge, and to DIGEST here");
    published.world.tag(TAG, &commit);
    published.holds();
}
