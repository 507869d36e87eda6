use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::environment::Environment;
use crate::report::cases::{HOSTILE, MIXED, TORN, hostile, stream};
use crate::terminal::width;

/// As much of a terminal as the reporter uses.
struct Screen {
    rows: Vec<String>,
    row: usize,
    columns: usize,
    wraps: bool,
}

impl Screen {
    fn new(columns: usize) -> Screen {
        Screen { rows: vec![String::new()], row: 0, columns, wraps: true }
    }

    fn write(&mut self, text: &str) {
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\n' => self.down(),
                '\r' => assert!(self.rows[self.row].is_empty(), "the reporter ends its lines"),
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['));
                    let number: String =
                        rest.clone().take_while(|next| !next.is_ascii_alphabetic()).collect();
                    let end = rest.nth(number.len()).unwrap();
                    self.control(&number, end);
                }
                character => self.put(character),
            }
        }
    }

    fn control(&mut self, number: &str, end: char) {
        match (number, end) {
            (rows, 'A') => self.row = self.row.saturating_sub(rows.parse().unwrap()),
            ("", 'J') => {
                self.rows.truncate(self.row);
                self.rows.push(String::new());
            }
            ("", 'K') => {}
            ("?7", 'l') => self.wraps = false,
            ("?7", 'h') => self.wraps = true,
            other => panic!("{other:?}"),
        }
    }

    fn put(&mut self, character: char) {
        let mut longer = self.rows[self.row].clone();
        longer.push(character);
        if width::columns(&longer) > self.columns {
            assert!(self.wraps, "a row of the block is too long: {longer}");
            self.down();
            longer = character.to_string();
        }
        self.rows[self.row] = longer;
    }

    fn down(&mut self) {
        self.row += 1;
        self.rows.truncate(self.row);
        self.rows.push(String::new());
    }

    /// Makes the window narrower: rows that are too long now wrap.
    fn shrink(&mut self, columns: usize) {
        let old = std::mem::replace(self, Screen::new(columns));
        let rows: Vec<_> = old.rows[..old.row].to_vec();
        for row in rows {
            self.write(&row);
            self.write("\n");
        }
    }

    fn shown(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|row| row.trim_end()).collect();
        rows.join("\n").trim_end().to_owned() + "\n"
    }
}

fn terminal() -> Terminal {
    Terminal::of_process(&Environment::of(&[("NO_COLOR", "1"), ("TERM", "dumb")], "/".as_ref()), false)
}

/// The screen after the events up to `now_ms`, and a tick then.
fn screen_at(text: &str, now_ms: u64, columns: usize) -> Screen {
    let mut live = Live::default();
    let mut screen = Screen::new(columns);
    for event in stream(text).iter().filter(|event| event.ms <= now_ms) {
        screen.write(&live.on_event(event, &terminal(), columns));
    }
    screen.write(&live.on_tick(now_ms, &terminal(), columns));
    screen
}

#[track_caller]
fn check(now_ms: u64, columns: usize, expected: Expect) {
    expected.assert_eq(&screen_at(MIXED, now_ms, columns).shown());
}

#[test]
fn a_wide_terminal_shows_bars() {
    check(
        4000,
        120,
        expect![[r#"
        proven      fmt      passed 11 minutes ago
        skipped     msrv     no rust-version is declared
        unavailable deny     `cargo-deny` is not installed, optional
            install  cargo xtask tools install cargo-deny
        retried     net      try 1 failed: exit 1
        running     build    4.0s of about 20s     [##..........]
        running     net      2.0s
        done        3/9, over 28s left, next clippy, doc
    "#]],
    );
    check(
        30_000,
        120,
        expect![[r#"
        proven      fmt      passed 11 minutes ago
        skipped     msrv     no rust-version is declared
        unavailable deny     `cargo-deny` is not installed, optional
            install  cargo xtask tools install cargo-deny
        retried     net      try 1 failed: exit 1
        flaky       net      passed only at try 2, 3.0s
        passed      build    20.0s (last 20.0s)
        running     clippy   9.9s of about 12s     [##########..]
        done        5/9, over 2s left, next test, doc
    "#]],
    );
}

#[test]
fn a_narrow_terminal_shows_less_and_wraps_no_row_of_the_block() {
    check(
        4000,
        40,
        expect![[r#"
            proven fmt passed 11 minutes ago
            skipped msrv no rust-version is declared
            unavailable deny `cargo-deny` is not i..
                install cargo xtask tools install ca
            rgo-deny
            retried net try 1 failed: exit 1
            run build 4.0s of about 20s
            run net 2.0s
            done 3/9, over 28s left, next clippy,..
        "#]],
    );
    check(
        30_000,
        40,
        expect![[r#"
            proven fmt passed 11 minutes ago
            skipped msrv no rust-version is declared
            unavailable deny `cargo-deny` is not i..
                install cargo xtask tools install ca
            rgo-deny
            retried net try 1 failed: exit 1
            flaky net passed only at try 2, 3.0s
            passed build 20.0s (last 20.0s)
            run clippy 9.9s of about 12s
            done 5/9, over 2s left, next test, doc
        "#]],
    );
    check(
        30_000,
        12,
        expect![[r#"
            proven fmt .
            skipped ms..
            unavailable
                install
            cargo xtask
            tools instal
            l cargo-deny
            retried net
            try 1 failed
            : exit 1
            flaky net ..
            passed bui..
            run clipp..
            done 5/9,..
        "#]],
    );
}

#[test]
fn at_the_end_only_the_lines_that_stay_are_there() {
    let shown = screen_at(MIXED, 50_000, 120).shown();
    let mut plain = plain::Plain::default();
    let starts = |line: &String| line.starts_with("run ");
    let lines: Vec<_> =
        stream(MIXED).iter().flat_map(|event| plain.lines(event)).map(|line| line.bare()).collect();
    let staying: Vec<_> = lines.into_iter().filter(|line| !starts(line)).collect();
    assert_eq!(shown, staying.join("\n") + "\n");
}

#[test]
fn many_running_steps_stay_a_low_block() {
    let ids: Vec<_> = (0..40).map(|step| format!("s{step}")).collect();
    let mut text = format!("0 plan {}\n", ids.join("; "));
    ids.iter().for_each(|id| text += &format!("0 start {id}\n"));
    let screen = screen_at(&text, 500, 80);
    assert_eq!(screen.row, RUNNING_ROWS_MAX + 1);
    assert!(screen.shown().contains("and 33 more running"));
}

#[test]
fn a_stream_that_breaks_off_leaves_a_clean_screen() {
    let mut live = Live::default();
    let mut screen = Screen::new(60);
    for event in stream(TORN) {
        screen.write(&live.on_event(&event, &terminal(), 60));
    }
    screen.write(&live.on_close(&terminal(), 60));
    screen.write(&live.on_close(&terminal(), 60));
    expect![[r#"
        passed fmt 0.4s
        result interrupted while running: clippy; after 0.4s: 1 pass
        ed, 2 undecided
        time critical path 0.4s: fmt 0.4s; no step ran for 0.0s
    "#]]
    .assert_eq(&screen.shown());
}

#[test]
fn ticks_draw_ten_times_a_second_at_most() {
    let mut live = Live::default();
    for event in stream(TORN) {
        live.on_event(&event, &terminal(), 80);
    }
    let drawings = (400..1400).filter(|now| !live.on_tick(*now, &terminal(), 80).is_empty()).count();
    assert!((9..=10).contains(&drawings), "{drawings}");
}

#[test]
fn a_window_that_became_narrower_is_cleared_whole() {
    let mut live = Live::default();
    let mut screen = Screen::new(120);
    for event in stream(MIXED).iter().filter(|event| event.ms <= 4000) {
        screen.write(&live.on_event(event, &terminal(), 120));
    }
    screen.shrink(30);
    screen.write(&live.on_tick(9000, &terminal(), 30));
    assert_eq!(screen.shown().matches("done ").count(), 1, "{}", screen.shown());
    assert_eq!(screen.shown().matches("build").count(), 1, "{}", screen.shown());
}

#[test]
fn hostile_text_moves_no_cursor() {
    for text in HOSTILE {
        let mut live = Live::default();
        let mut screen = Screen::new(70);
        for event in hostile(text) {
            screen.write(&live.on_event(&event, &terminal(), 70).replace('\t', " "));
        }
        assert!(screen.shown().contains("result failed"), "{text}");
    }
}

proptest! {
    #[test]
    fn no_row_of_the_block_wraps(id in "\\PC{1,60}", columns in 1..130_usize, now_ms in 100..60_000_u64) {
        // No two steps have one name.
        prop_assume!(!["b", "c"].contains(&id.as_str()));
        let mut live = Live::default();
        let mut screen = Screen::new(columns);
        let mut events = stream("0 plan a last=9000; b needs=a last=70000; c\n0 start a\n0 start c\n");
        for stamped in &mut events {
            match &mut stamped.event {
                Event::RunStarted { steps, .. } => steps[0].step.clone_from(&id),
                Event::StepStarted { step, .. } if step == "a" => step.clone_from(&id),
                _ => {}
            }
        }
        for event in &events {
            screen.write(&live.on_event(event, &terminal(), columns));
        }
        screen.write(&live.on_tick(now_ms, &terminal(), columns));
        prop_assert_eq!(screen.row, 3);
        screen.write(&live.erased(columns));
        prop_assert_eq!(screen.shown(), "\n");
    }
}
