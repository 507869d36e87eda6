//! Killed while it builds the index, at moments that nobody chose: no event is lost, and none is there twice.

use std::hash::{BuildHasher as _, RandomState};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::world::{World, event};

/// Events that are there before the first kill, and those that come before each other one.
const EVENTS: usize = 15_000;
const MORE: usize = 300;

/// How often, where `XTASK_KILLS` does not say so.
const KILLS: usize = 20;

/// The longest that a process may work before it is killed.
const WORK_MS: u64 = 150;

#[test]
fn a_kill_while_indexing_loses_and_doubles_nothing() {
    let kills = std::env::var("XTASK_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let world = World::new();
    let events = |count: usize, minute: i64| {
        let stage = |place: usize| ["staging", "canary", "production"][place % 3];
        let labels = [("outcome", "Succeeded"), ("release", "1.2.0-5ea1"), ("way", "forward")];
        let entries = (0..count).map(|place| event("deploy.ended", stage(place), &labels, None)).collect();
        world.append(minute, entries);
    };
    events(EVENTS, 0);
    let mut killed = 0;
    for round in 0..kills {
        let mut command = world.command(&["export", "--output", "pages"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let wait = RandomState::new().hash_one(round) % WORK_MS;
        // Nothing is ever sent: this is a wait with a limit.
        let (_held, waited) = mpsc::channel::<()>();
        waited.recv_timeout(Duration::from_millis(wait)).unwrap_err();
        let works = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        killed += usize::from(works);
        events(MORE, 1 + i64::try_from(round).unwrap());
        // One that was done leaves nothing to do for the next.
        if !works {
            std::fs::remove_file(world.root.join(".xtask/portal.sqlite")).unwrap();
        }
    }
    assert!(killed * 2 > kills, "only {killed} of {kills} were killed before they were done");
    let pages = world.exported("pages");
    let index = rusqlite::Connection::open(world.root.join(".xtask/portal.sqlite")).unwrap();
    let counted = |sql: &str| index.query_row(sql, [], |row| row.get::<_, usize>(0)).unwrap();
    let all = EVENTS + kills * MORE;
    assert_eq!(counted("SELECT count(*) FROM events"), all);
    assert_eq!(counted("SELECT count(DISTINCT seq) FROM events"), all);
    assert_eq!(counted("SELECT sum(count) FROM newest"), all);
    assert_eq!(counted("SELECT count(*) FROM broken"), 0);
    drop(index);
    std::fs::remove_file(world.root.join(".xtask/portal.sqlite")).unwrap();
    assert!(world.exported("new") == pages, "the index that was killed says something else than a new one");
    println!("{killed} of {kills} processes were killed while they worked; {all} events are there once each");
}
