//! The pages as files: the same bytes for the same journal, links that lead somewhere, and no folder of others replaced.

use std::collections::BTreeSet;

use crate::world::{HOSTILE, World, event};

#[test]
fn the_same_journal_gives_the_same_bytes_with_and_without_the_index() {
    let world = World::lived_in();
    let first = world.exported("one");
    assert!(first.len() > 15, "{}", first.len());
    assert_eq!(world.exported("two"), first);
    std::fs::remove_file(world.root.join(".xtask/portal.sqlite")).unwrap();
    assert_eq!(world.exported("three"), first);
    // One that is replaced by something else is built again as well.
    std::fs::write(
        world.root.join(".xtask/portal.sqlite"),
        "no database, and longer than its head\n".repeat(99),
    )
    .unwrap();
    assert_eq!(world.exported("one"), first);
    world.append(100, vec![event("signal.changed", "api", &[("state", "stale")], None)]);
    assert_ne!(world.exported("one"), first);
}

/// What is taken in piece by piece is what is taken in at once.
#[test]
fn an_index_that_grew_says_the_same_as_a_new_one() {
    let world = World::lived_in();
    world.exported("grown");
    for minute in 200..230 {
        world.append(minute, vec![event("signal.changed", "api", &[("state", "up")], None)]);
        world.exported("grown");
    }
    world.ran(300, nexus_xtask::event::Outcome::Passed, "again");
    let grown = world.exported("grown");
    std::fs::remove_file(world.root.join(".xtask/portal.sqlite")).unwrap();
    assert_eq!(world.exported("new"), grown);
}

#[test]
fn a_journal_that_shrank_or_changed_is_read_again() {
    let world = World::lived_in();
    world.exported("pages");
    let file = world.root.join(".xtask/journal/2026-03.jsonl");
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = whole.split_inclusive('\n').collect();
    let last = lines.last().unwrap();
    let changed = whole.replace(last, &last.replace("ci.run", "ci.ran"));
    for text in [lines[..9].concat(), changed, lines[1..].concat(), whole.clone()] {
        std::fs::write(&file, &text).unwrap();
        let kept = world.exported("pages");
        std::fs::remove_file(world.root.join(".xtask/portal.sqlite")).unwrap();
        assert!(world.exported("pages") == kept, "{} bytes", text.len());
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let world = World::lived_in();
    let files = world.exported("pages");
    let names: BTreeSet<_> = files.iter().map(|(name, _)| name.clone()).collect();
    let mut links = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".html")) {
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(!text.contains("<script") && !text.contains("<form"), "{name}: nothing answers it");
        for part in text.split(['\n', ' ']).filter_map(|part| part.strip_prefix("href=\"")) {
            let link = part.split('"').next().unwrap();
            let Some(path) = link.split('#').next().filter(|path| !path.is_empty()) else { continue };
            let folder = std::path::Path::new(name).parent().unwrap();
            let mut target = Vec::new();
            for step in folder.join(path).components() {
                match step {
                    std::path::Component::ParentDir => drop(target.pop().unwrap()),
                    step => target.push(step.as_os_str().to_str().unwrap().to_owned()),
                }
            }
            assert!(names.contains(&target.join("/")), "{name} leads to {link}");
            links += 1;
        }
    }
    assert!(links > 150, "{links}");
    assert!(!format!("{names:?}").contains("script>"), "{HOSTILE}");
}

/// The figures are those of `cargo xtask dora`, at the newest event.
#[test]
fn delivery_is_shown_with_what_may_be_said_of_it() {
    let world = World::lived_in();
    let files = world.exported("pages");
    let (_, page) = files.iter().find(|(name, _)| name == "delivery.html").unwrap();
    let page = std::str::from_utf8(page).unwrap();
    let of = |figure: &str, rest: &str| format!("<th scope=\"row\">{figure}</th>{rest}");
    for text in [
        of(
            "change fail rate",
            "<td><strong>100%</strong></td><td>2 deployments</td><td></td><td>too few to judge: 5 are needed</td>",
        ),
        of("change lead time", "<td><span class=\"none\">unknown</span></td><td>0 changes</td>"),
    ] {
        assert!(page.contains(&text), "{text}: {page}");
    }
}

#[test]
fn a_folder_of_somebody_else_stays() {
    let world = World::lived_in();
    std::fs::create_dir(world.root.join("mine")).unwrap();
    std::fs::write(world.root.join("mine/letter"), "dear").unwrap();
    let done = world.run(&["export", "--output", "mine"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!((done.status.code(), said.contains("`mine` holds something else")), (Some(3), true), "{said}");
    assert_eq!(std::fs::read_to_string(world.root.join("mine/letter")).unwrap(), "dear");
}
