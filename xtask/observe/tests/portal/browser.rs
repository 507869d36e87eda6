//! Every page in a real browser: `scripts/portal_browser.mjs` says what is looked for. Screenshots stay below `target/portal/`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nexus_xtask::event::Outcome;

use crate::world::{HOSTILE, Served, World, event};

/// A peer, or the printed reason why there is none. With `XTASK_PEERS_REQUIRED=1` a missing one fails.
pub(crate) fn peer(name: &str, how: &str) -> Option<PathBuf> {
    let default = || Path::new(&std::env::var("HOME").unwrap_or_default()).join(".cache/nexus-xtask/peers");
    let peers = std::env::var("XTASK_PEERS").map_or_else(|_| default(), PathBuf::from);
    let program = peers.join("bin").join(name);
    if program.exists() {
        return Some(program);
    }
    let required = std::env::var("XTASK_PEERS_REQUIRED").is_ok_and(|value| value == "1");
    assert!(!required, "the peer `{name}` is missing; {how} installs it");
    println!("skipped 1 test: the peer `{name}` is missing; {how} installs it");
    None
}

/// Runs the browser on these pages; returns whether it found nothing, and what it said. `live` is done when it follows a page.
fn browse(
    browser: &Path,
    served: &Served,
    folder: &Path,
    pages: &[String],
    live: impl FnOnce(),
) -> (bool, String) {
    let mut command = Command::new(browser);
    command.arg(&served.address).arg(folder).args(pages).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut said, mut live) = (String::new(), Some(live));
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if line == "live" {
            live.take().unwrap()();
            writeln!(child.stdin.as_mut().unwrap(), "harbour").unwrap();
            continue;
        }
        said += &format!("{line}\n");
    }
    (child.wait().unwrap().success(), said)
}

fn screenshots(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_nexus-xtask-observe")).ancestors().nth(2).unwrap();
    target.join("portal").join(name)
}

#[test]
fn every_page_in_a_real_browser() {
    let Some(browser) = peer("portal-browser", "scripts/peers.sh --browser") else { return };
    let world = World::lived_in();
    let failed = world.ran(61, Outcome::TimedOut { limit_ms: 60_000 }, HOSTILE);
    let served = world.serve(&[]);
    let pages = [
        "/",
        "/pipelines",
        "/deployments",
        "/health",
        "/alerts",
        "/logs",
        "/resilience",
        "/truth",
        "/delivery",
    ];
    let more = [format!("/runs/{failed}"), format!("/runs/{failed}/3"), "/logs?text=line&word=failed".into()];
    let pages: Vec<_> = pages.into_iter().map(str::to_owned).chain(more).collect();
    let append = || {
        let labels = [("outcome", "Succeeded"), ("release", "2"), ("stage", "harbour")];
        world.append(99, vec![event("deploy.ended", "harbour", &labels, None)]);
    };
    let (content, said) = browse(&browser, &served, &screenshots("lived-in"), &pages, append);
    assert!(content && said.ends_with("96 looks, 0 findings\n"), "{said}");
}

#[test]
fn pages_without_data_in_a_real_browser() {
    let Some(browser) = peer("portal-browser", "scripts/peers.sh --browser") else { return };
    let world = World::new();
    let served = world.serve(&[]);
    let pages = ["/", "/pipelines", "/truth"].map(str::to_owned);
    let append =
        || world.append(9, vec![event("deploy.ended", "harbour", &[("outcome", "Succeeded")], None)]);
    let (content, said) = browse(&browser, &served, &screenshots("empty"), &pages, append);
    assert!(content && said.ends_with("24 looks, 0 findings\n"), "{said}");
}
