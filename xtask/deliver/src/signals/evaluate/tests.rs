//! Looks as letters, and the state that they are.

use super::*;

/// `u` up, `d` down, `s` starting, `?` unknown, a look every ten seconds; the last one just now.
#[track_caller]
fn check(rule: Rule, looks: &str, wanted: &str) {
    check_after(rule, looks, 0, wanted);
}

/// The same, so many seconds after the last look.
#[track_caller]
fn check_after(rule: Rule, looks: &str, after: i64, wanted: &str) {
    let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
    let sample = |(place, letter): (usize, char)| Sample {
        at: at(10 * i64::try_from(place).unwrap()),
        seen: match letter {
            'u' => Seen::Up,
            'd' => Seen::Down,
            's' => Seen::Starting,
            '?' => Seen::Unknown,
            _ => panic!("{letter}"),
        },
        why: "seen".into(),
    };
    let samples: Vec<_> = looks.chars().enumerate().map(sample).collect();
    let now = at(10 * i64::try_from(samples.len()).unwrap() - 10 + after);
    let judged = evaluate(&rule, &samples, now);
    assert_eq!(format!("{}: {}", judged.state.word(), judged.reason), wanted, "{looks}");
}

const PLAIN: Rule = Rule { every: 10, failures: 2, successes: 1, startup: 0 };

#[test]
fn looks_in_a_row_decide() {
    for (looks, wanted) in [
        ("", "unknown: nobody has looked yet"),
        ("u", "up: seen"),
        ("d", "down: seen"),
        ("uud", "up: 1 of 2 bad looks until it is down: seen"),
        ("uudd", "down: seen"),
        ("uuddu", "up: seen"),
        ("uus", "up: 1 of 2 bad looks until it is down: seen"),
        ("uuss", "down: seen"),
    ] {
        check(PLAIN, looks, wanted);
    }
    let slow = Rule { failures: 3, successes: 2, ..PLAIN };
    for (looks, wanted) in [
        ("u", "unknown: 1 of 2 good looks until it is up: seen"),
        ("uu", "up: seen"),
        ("uudd", "up: 2 of 3 bad looks until it is down: seen"),
        ("uuddd", "down: seen"),
        ("uudddu", "down: 1 of 2 good looks until it is up: seen"),
        ("uuddduu", "up: seen"),
    ] {
        check(slow, looks, wanted);
    }
}

#[test]
fn what_is_not_known_is_never_up() {
    for looks in ["?", "u?", "uuuu?", "d?", "dd??"] {
        check(PLAIN, looks, "unknown: seen");
    }
    check(PLAIN, "uu?u", "up: seen");
    check(PLAIN, "uu?d", "down: seen");
    check(Rule { successes: 2, ..PLAIN }, "uu?u", "unknown: 1 of 2 good looks until it is up: seen");
    check(Rule { startup: 60, ..PLAIN }, "?", "unknown: seen");
}

#[test]
fn what_goes_back_and_forth_is_down_until_it_rests() {
    check(PLAIN, "uudu", "up: seen");
    check(PLAIN, "uudud", "down: it changed 3 times in 5 looks; now: seen");
    check(PLAIN, "ududu", "down: it changed 4 times in 5 looks; now: seen");
    check(PLAIN, "ududuuuu", "up: seen");
    check(PLAIN, "u?u?u", "up: seen");
}

#[test]
fn what_starts_has_its_time_and_no_more() {
    let starting = Rule { startup: 25, ..PLAIN };
    check(starting, "d", "starting: seen; 25 s are left to start");
    check(starting, "dss", "starting: seen; 5 s are left to start");
    check(starting, "dsss", "down: seen");
    check(starting, "dsu", "up: seen");
    check(starting, "us", "starting: seen; 25 s are left to start");
    check(starting, "uussss", "down: seen");
    // What was up and does not say that it starts is not starting.
    check(starting, "uudd", "down: seen");
}

#[test]
fn what_nobody_looks_at_is_stale() {
    check_after(PLAIN, "u", 30, "up: seen");
    check_after(PLAIN, "u", 31, "stale: the last look is 31 s old, and one is due every 10 s");
    check_after(PLAIN, "d", 31, "stale: the last look is 31 s old, and one is due every 10 s");
}
