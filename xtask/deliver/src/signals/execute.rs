//! Looks. Decides nothing but what one look saw.

use std::collections::BTreeMap;

use jiff::Timestamp;
use nexus_xtask::clock;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask::journal::{self, Line};
use nexus_xtask::shell::{Captured, Command, Ended};

use super::config::{Config, Disk, FileAge, Http, Journal, Kind, Program, Tcp, seconds};
use super::evaluate::Seen;
use crate::address::{self, Connected};

/// Exit statuses that mean that the program never got to its question: a panic, a program that cannot be run or is not there.
const CRASHES: [i32; 3] = [101, 126, 127];

/// What a look saw, and what shows it.
pub(crate) type Sight = (Seen, String);

/// How services are asked, which is not done here: all at once, one answer for each.
pub(crate) type Ask<'a> = &'a dyn Fn(&[(&str, &Http)]) -> Vec<Sight>;

/// Looks at these signals.
///
/// # Errors
/// Where the journal cannot be read.
pub(crate) fn look(
    doors: &Doors,
    config: &Config,
    wanted: &[String],
    ask: Ask<'_>,
) -> Result<BTreeMap<String, Sight>> {
    let mut sights = BTreeMap::new();
    let (mut services, mut journals) = (Vec::new(), Vec::new());
    for (name, signal) in config.signals.iter().filter(|(name, _)| wanted.contains(name)) {
        let sight = match signal.kind() {
            Kind::Http(http) => {
                services.push((name.as_str(), http));
                continue;
            }
            Kind::Journal(journal) => {
                journals.push((name.as_str(), journal));
                continue;
            }
            Kind::Tcp(tcp) => of_port(tcp),
            Kind::Command(program) => of_program(doors, program),
            Kind::FileAge(file) => of_file(doors, file),
            Kind::Disk(disk) => of_disk(doors, disk),
        };
        sights.insert(name.clone(), sight);
    }
    if !services.is_empty() {
        let names = services.iter().map(|(name, _)| (*name).to_owned());
        sights.extend(names.zip(ask(&services)));
    }
    sights.extend(of_journal(doors, &journals)?);
    for name in wanted {
        sights.entry(name.clone()).or_insert((Seen::Unknown, "the probe said nothing".into()));
    }
    Ok(sights)
}

fn of_port(tcp: &Tcp) -> Sight {
    match address::connect(&tcp.address, tcp.limit()) {
        Connected::Yes => (Seen::Up, "it takes connections".into()),
        Connected::Refused => (Seen::Down, "nothing listens there".into()),
        Connected::Unknown(why) => (Seen::Unknown, why),
    }
}

fn of_program(doors: &Doors, program: &Program) -> Sight {
    let Some((name, arguments)) = program.run.split_first() else {
        return (Seen::Unknown, "the command names no program".into());
    };
    let command = Command::new(name.as_str(), arguments.iter().map(String::as_str));
    match doors.shell.within(&command, None, program.limit()) {
        Err(error) => (Seen::Unknown, format!("{error:#}")),
        Ok(None) => (Seen::Unknown, format!("it took longer than {} s", program.limit().as_secs())),
        Ok(Some(captured)) => ended(program, &captured),
    }
}

/// What the end of a program means.
fn ended(program: &Program, captured: &Captured) -> Sight {
    let wanted = i32::from(program.exit.unwrap_or_default());
    let last = captured.stderr.lines().rev().find(|line| !line.trim().is_empty());
    let said = last.map_or(String::new(), |line| format!(": {}", line.trim()));
    match &captured.ended {
        Ended::Exit(code) if *code == wanted => {}
        Ended::Exit(code) if !CRASHES.contains(code) => {
            return (Seen::Down, format!("it ended with {code}, and not with {wanted}{said}"));
        }
        crashed @ (Ended::Exit(_) | Ended::Signal(_) | Ended::Missing | Ended::NotStarted(_)) => {
            return (Seen::Unknown, format!("it crashed: {crashed}{said}"));
        }
    }
    let printed = captured.text() + "\n" + &captured.stderr;
    match &program.prints {
        Some(text) if !printed.contains(text.as_str()) => (Seen::Down, format!("it did not print `{text}`")),
        Some(_) | None => (Seen::Up, format!("it ended with {wanted}")),
    }
}

fn of_file(doors: &Doors, file: &FileAge) -> Sight {
    let path = doors.workspace.file(&file.path);
    let changed = match (files::stamp(&path), files::kind(&path)) {
        (Some(stamp), _) => {
            i128::try_from(stamp.modified).ok().and_then(|at| Timestamp::from_nanosecond(at).ok())
        }
        (None, Ok(files::Kind::Absent)) => return (Seen::Down, format!("there is no `{}`", file.path)),
        (None, _) => None,
    };
    let Some(changed) = changed else {
        return (Seen::Unknown, format!("the system does not say when `{}` was written", file.path));
    };
    aged(&format!("`{}`", file.path), changed, doors.clock.now(), &file.age_max)
}

/// Whether something is young enough.
fn aged(what: &str, then: Timestamp, now: Timestamp, age_max: &str) -> Sight {
    let age = u64::try_from(now.as_second() - then.as_second()).unwrap_or_default();
    let said = clock::ago(then, now);
    match age > seconds(age_max) {
        true => (Seen::Down, format!("{what} is of {said}, and may be {age_max} old")),
        false => (Seen::Up, format!("{what} is of {said}")),
    }
}

fn of_disk(doors: &Doors, disk: &Disk) -> Sight {
    let Some(free) = files::space_free(&doors.workspace.file(&disk.path)) else {
        return (Seen::Unknown, format!("the system does not say what is free at `{}`", disk.path));
    };
    let free = free >> 20;
    match free < disk.free_mib_min {
        true => (Seen::Down, format!("{free} MiB are free, and {} must be", disk.free_mib_min)),
        false => (Seen::Up, format!("{free} MiB are free")),
    }
}

/// The journal is read once, however many signals look at it.
fn of_journal(doors: &Doors, wanted: &[(&str, &Journal)]) -> Result<BTreeMap<String, Sight>> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut newest: Vec<Option<Timestamp>> = vec![None; wanted.len()];
    let read = journal::fold(&doors.workspace, |line| {
        for (place, (_, journal)) in
            wanted.iter().enumerate().filter(|(_, (_, journal))| is_meant(journal, &line))
        {
            debug_assert!(!journal.whole);
            newest[place] = newest[place].max(Some(line.ts));
        }
    });
    let one = |(place, (name, journal)): (usize, &(&str, &Journal))| {
        let sight = match (&read, journal.whole, newest[place]) {
            (Err(error), ..) => (Seen::Unknown, format!("{error:#}")),
            (Ok(report), true, _) => match report.broken.first() {
                Some(broken) => {
                    (Seen::Down, format!("{} broken places, the first is {broken}", report.broken.len()))
                }
                None => (Seen::Up, "every chain is whole".into()),
            },
            (Ok(_), false, None) => (Seen::Down, format!("there is no {}", shown(journal))),
            (Ok(_), false, Some(then)) => {
                let age_max = journal.age_max.as_deref().unwrap_or_default();
                aged(&format!("the last {}", shown(journal)), then, doors.clock.now(), age_max)
            }
        };
        ((*name).to_owned(), sight)
    };
    Ok(wanted.iter().enumerate().map(one).collect())
}

fn is_meant(wanted: &Journal, line: &Line) -> bool {
    wanted.kind.as_ref() == Some(&line.entry.kind)
        && wanted.subject.as_ref().is_none_or(|subject| *subject == line.entry.subject)
        && wanted.labels.iter().all(|(name, value)| line.entry.labels.get(name) == Some(value))
}

fn shown(journal: &Journal) -> String {
    let kind = journal.kind.as_deref().unwrap_or_default();
    journal.subject.as_ref().map_or(format!("`{kind}`"), |subject| format!("`{kind}` of {subject}"))
}
